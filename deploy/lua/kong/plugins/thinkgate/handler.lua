-- Kong plugin: lets thinkgate decide how much reasoning a model call asks for.

local rewrite = require("thinkgate_rewrite")

local ThinkgateHandler = { PRIORITY = 750, VERSION = "0.1.0" }

local request = {
    method = function() return kong.request.get_method() end,
    path = function() return kong.request.get_path() end,
    header = function(name) return kong.request.get_header(name) end,
    -- A body that is larger than client_body_buffer_size is on disk: it goes on unread.
    body = function() return (kong.request.get_raw_body()) end,
    set_body = function(text) kong.service.request.set_raw_body(text) end,
    set_header = function(name, value)
        if value == nil then
            kong.service.request.clear_header(name)
        else
            kong.service.request.set_header(name, value)
        end
    end,
    warn = function(text) kong.log.warn(text) end,
}

function ThinkgateHandler:access(config)
    kong.ctx.plugin.shown = rewrite.rewrite(request, config)
end

function ThinkgateHandler:header_filter()
    for name, value in pairs(kong.ctx.plugin.shown or {}) do
        kong.response.set_header(name, value)
    end
end

return ThinkgateHandler
