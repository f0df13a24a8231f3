-- APISIX plugin: lets thinkgate decide how much reasoning a model call asks for.

local core = require("apisix.core")
local rewrite = require("thinkgate_rewrite")

local ngx = ngx

local schema = {
    type = "object",
    properties = {
        url = { type = "string", default = "http://127.0.0.1:8080" },
        api_key = { type = "string" },
        timeout_ms = { type = "integer", default = 100, minimum = 1, maximum = 60000 },
        max_body_bytes = { type = "integer", default = 2097152, minimum = 1 },
        forward_headers = { type = "array", items = { type = "string" }, default = {} },
        ssl_verify = { type = "boolean", default = true },
    },
}

local _M = { version = 0.1, priority = 1050, name = "thinkgate", schema = schema }

function _M.check_schema(conf)
    return core.schema.check(schema, conf)
end

function _M.access(conf, ctx)
    ctx.thinkgate_shown = rewrite.rewrite({
        method = function() return core.request.get_method() end,
        path = function() return ctx.var.uri end,
        header = function(name) return core.request.header(ctx, name) end,
        body = function(max_bytes) return (core.request.get_body(max_bytes, ctx)) end,
        set_body = function(text) ngx.req.set_body_data(text) end,
        set_header = function(name, value) core.request.set_header(ctx, name, value) end,
        warn = function(text) core.log.warn(text) end,
    }, conf)
end

function _M.header_filter(_, ctx)
    for name, value in pairs(ctx.thinkgate_shown or {}) do
        core.response.set_header(name, value)
    end
end

return _M
