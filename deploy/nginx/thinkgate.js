// Asks thinkgate for the body that a model call should have, and sends that on; needs nginx's njs module.
export default { decide };

async function decide(r) {
    try {
        // A body that is larger than client_body_buffer_size is on disk: it goes on unread.
        if (!r.requestBuffer) {
            r.internalRedirect('@untouched');
            return;
        }
        // The subrequest carries the client's own body and headers.
        const reply = await r.subrequest('/_thinkgate', { method: 'POST' });
        if (reply.status === 200) {
            r.variables.thinkgate_body = reply.responseText;
            r.variables.thinkgate_arm = reply.headersOut['x-thinkgate-arm'];
            r.variables.thinkgate_decision = reply.headersOut['x-thinkgate-decision-id'];
            r.internalRedirect('@decided');
            return;
        }
    } catch (error) {
        r.warn(`thinkgate: ${error.message}`);
    }
    // Slow, down, or a body that it can't read: the call goes on as the client sent it.
    r.internalRedirect('@untouched');
}
