from .bundle_writer import BundleLineage, ExportedBundle, check_destination, export_bundle
from .graph import DESIGN, with_design_output

__all__ = [
    "DESIGN",
    "BundleLineage",
    "ExportedBundle",
    "check_destination",
    "export_bundle",
    "with_design_output",
]
