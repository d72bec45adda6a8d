/*
 * Errors of the core. Every function that can fail returns an int: >= 0 is a count or success,
 * < 0 is one of these. "Nothing to do" is 0, never an error.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum ipn_err {
    IPN_ERR_NOMEM = -1,    /* fatal for the object it happened in: only its free() may follow */
    IPN_ERR_FULL = -2,     /* a bounded queue or buffer is full; drain it and try again */
    IPN_ERR_PROTOCOL = -3, /* the other side broke the protocol; close the connection */
    IPN_ERR_CRYPTO = -4,   /* a tag, MAC or signature did not verify */
    IPN_ERR_STATE = -5,    /* the call does not fit the object's state */
    IPN_ERR_ARG = -6,      /* an argument is out of its range */
    IPN_ERR_CLOSED = -7,   /* the connection is closed or was reset */
    IPN_ERR_TIMEOUT = -8,  /* a deadline passed */
    IPN_ERR_NOT_FOUND = -9 /* no such peer, name, id or region */
};

#endif
