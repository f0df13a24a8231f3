-- Asks thinkgate for the body that a model call should have; shared by the plugins for Kong and APISIX.
--
-- Whatever goes wrong, the call goes on as the client sent it: thinkgate is down or slow, or can't read the body.

local _M = {}

local CONTEXT = {
    "x-thinkgate-tenant", "x-thinkgate-session-id", "x-thinkgate-task", "x-thinkgate-deadline-ms",
    "x-thinkgate-value-of-success-usd", "x-thinkgate-max-cost-usd",
}
local SENT = { "content-type", "content-encoding", "user-agent" }
local SHOWN = { "x-thinkgate-decision-id", "x-thinkgate-arm", "x-thinkgate-effort", "x-thinkgate-applied" }

-- Tell whether a request is a model call, and the model that its path names (Gemini).
function _M.model_call(method, path)
    if method ~= "POST" then
        return false
    end
    if path:find("/chat/completions$") or path:find("/responses$") or path:find("/messages$") then
        return true
    end
    local model = path:match("/models/([^/:]+):generateContent$") or path:match("/models/([^/:]+):streamGenerateContent$")
    return model ~= nil, model
end

local function headers_for(request, config, model)
    local headers = { ["content-type"] = "application/json", ["x-api-key"] = config.api_key, ["x-thinkgate-model"] = model }
    for _, names in ipairs({ SENT, CONTEXT, config.forward_headers or {} }) do
        for _, name in ipairs(names) do
            headers[name] = request.header(name) or headers[name]
        end
    end
    return headers
end

local function ask(request, config, model, body)
    local client = require("resty.http").new()
    -- Of connecting, sending and each read.
    client:set_timeouts(config.timeout_ms, config.timeout_ms, config.timeout_ms)
    return client:request_uri(config.url .. "/v1/rewrite", {
        method = "POST",
        body = body,
        headers = headers_for(request, config, model),
        keepalive_timeout = 60000,
        keepalive_pool = 32,
        ssl_verify = config.ssl_verify,
    })
end

local function decide(request, config)
    local is_call, model = _M.model_call(request.method(), request.path())
    if not is_call then
        return nil
    end
    local body = request.body(config.max_body_bytes)
    if not body or #body == 0 or #body > config.max_body_bytes then
        return nil
    end
    local answer, problem = ask(request, config, model, body)
    if not answer then
        return nil, problem
    end
    if answer.status ~= 200 then
        return nil
    end
    return answer
end

-- Rewrite the request; give the headers that the client gets to see, or nil where the call goes on as it came.
--
-- request: method(), path(), header(name), body(max_bytes), set_body(text), set_header(name, value or nil), warn(text)
-- config: url, timeout_ms, max_body_bytes, and optionally api_key, forward_headers, ssl_verify
function _M.rewrite(request, config)
    local whole, answer, problem = pcall(decide, request, config)
    if not whole then
        answer, problem = nil, answer
    end
    if problem then
        request.warn("thinkgate was not asked: " .. tostring(problem))
    end
    for _, name in ipairs(CONTEXT) do
        if request.header(name) then
            request.set_header(name, nil)
        end
    end
    if not answer then
        return nil
    end
    request.set_body(answer.body)
    -- What comes back is plain, also where the client compressed.
    if request.header("content-encoding") then
        request.set_header("content-encoding", nil)
    end
    local shown = {}
    for _, name in ipairs(SHOWN) do
        shown[name] = answer.headers[name]
    end
    return shown
end

return _M
