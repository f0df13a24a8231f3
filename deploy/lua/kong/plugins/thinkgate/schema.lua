-- Settings of the Kong plugin.

local typedefs = require("kong.db.schema.typedefs")

return {
    name = "thinkgate",
    fields = {
        { protocols = typedefs.protocols_http },
        {
            config = {
                type = "record",
                fields = {
                    { url = { type = "string", required = true, default = "http://127.0.0.1:8080" } },
                    { api_key = { type = "string", required = false, encrypted = true, referenceable = true } },
                    { timeout_ms = { type = "integer", required = true, default = 100, between = { 1, 60000 } } },
                    { max_body_bytes = { type = "integer", required = true, default = 2097152, gt = 0 } },
                    { forward_headers = { type = "array", required = true, default = {}, elements = { type = "string" } } },
                    { ssl_verify = { type = "boolean", required = true, default = true } },
                },
            },
        },
    },
}
