"""What the gateway says once it is ready, and what it warns of before."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from serving.gateways.standalone.arm_options import UPSTREAM_HEADER
from serving.gateways.standalone.gateway import GatewayOptions, ServerPorts

_VARIABLES: Final = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}


def ready_text(options: GatewayOptions, running: ServerPorts) -> str:
    """Give the lines to paste, one `base_url` for each upstream."""
    url = gateway_url(options.address, options.port)
    lines = [f"thinkgate gateway is ready at {url}. Change base_url and keep your key:", ""]
    for upstream in options.upstreams:
        base_url = upstream.base_url(url)
        variable = _VARIABLES.get(upstream.style)
        lines.append(f'  base_url = "{base_url}"    # for {upstream.url}')
        lines += [f"  export {variable}={base_url}"] if variable else []
        lines.append("")
    api = f"http://127.0.0.1:{running.api}"
    lines.append(f"thinkgate's own API (outcomes, /docs, /metrics) is at {api}. Ctrl-C ends both.")
    return "\n".join(lines)


def gateway_url(address: str, port: int) -> str:
    """Give the URL by which this machine reaches the gateway.

    Examples
    --------
    >>> gateway_url("127.0.0.1", 8800), gateway_url("0.0.0.0", 80), gateway_url("::", 80)
    ('http://127.0.0.1:8800', 'http://127.0.0.1:80', 'http://[::1]:80')
    """
    parsed = ipaddress.ip_address(address)
    if parsed.is_unspecified:
        address = "127.0.0.1" if parsed.version == 4 else "::1"
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def warnings_of(options: GatewayOptions, policy: Path | None) -> Sequence[str]:
    """Give what a user should know about these options."""
    warnings = []
    if not ipaddress.ip_address(options.address).is_loopback:
        warnings.append(
            f"{options.address} is open to other machines: they need no key of thinkgate's, and their providers' keys"
            " come over plain HTTP; put TLS in front, or keep --host 127.0.0.1"
        )
    if len(options.upstreams) > 1 and policy is None:
        names = ", ".join(upstream.label for upstream in options.upstreams)
        warnings.append(
            f"every arm may serve every upstream ({names}): name the arms of each with --arm NAME=MODEL@EFFORT, or"
            f" allow them by rules on the header {UPSTREAM_HEADER} in --policy"
        )
    warnings += [
        f"{upstream.url} is not encrypted: keys go there over plain HTTP"
        for upstream in options.upstreams
        if not upstream.tls and not _is_near(upstream.host)
    ]
    return warnings + _proxy_warnings(options)


def _proxy_warnings(options: GatewayOptions) -> list[str]:
    """Warn of an outbound proxy: SDKs went through it, and Envoy does not."""
    proxies = getproxies_environment()
    hosts = [
        upstream.host
        for upstream in options.upstreams
        if ("https" if upstream.tls else "http") in proxies
        and not _is_near(upstream.host)
        and not proxy_bypass_environment(upstream.host, proxies)
    ]
    if not hosts:
        return []
    return [f"a proxy is set in the environment, and Envoy does not use it: this machine must reach {', '.join(hosts)}"]


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host  # localhost, or a service of the same network
