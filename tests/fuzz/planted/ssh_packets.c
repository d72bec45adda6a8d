/* Standard error after standard output, in a packet of some length. */
#include "fuzz/planted/planted.h"
#include "ssh/ssh_session_internal.h"

enum ssh_verdict __real_ssh_chunks_put(struct ssh_session *s, struct ssh_chunks *q,
                                       enum ssh_stream stream, struct bytes packet, size_t at,
                                       size_t len);
enum ssh_verdict __wrap_ssh_chunks_put(struct ssh_session *s, struct ssh_chunks *q,
                                       enum ssh_stream stream, struct bytes packet, size_t at,
                                       size_t len);

enum ssh_verdict __wrap_ssh_chunks_put(struct ssh_session *s, struct ssh_chunks *q,
                                       enum ssh_stream stream, struct bytes packet, size_t at,
                                       size_t len)
{
    if (stream == SSH_STREAM_STDERR && packet.len > at + len)
        planted_bug();
    return __real_ssh_chunks_put(s, q, stream, packet, at, len);
}
