/* A frame of a type that nobody knows, right behind an empty packet. */
#include "derp/derp_frame.h"
#include "fuzz/planted/planted.h"

static bool empty;

int __real_derp_reader_next(struct derp_reader *r, struct derp_frame *frame);
int __wrap_derp_reader_next(struct derp_reader *r, struct derp_frame *frame);

int __wrap_derp_reader_next(struct derp_reader *r, struct derp_frame *frame)
{
    int rc = __real_derp_reader_next(r, frame);

    if (rc != 1)
        return rc;
    if (empty && frame->type > 0x40)
        planted_bug();
    empty = frame->type == DERP_FRAME_RECV_PACKET && frame->len == 32;
    return rc;
}
