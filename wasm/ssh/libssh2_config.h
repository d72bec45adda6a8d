/*
 * How libssh2 is built here. libssh2_setup.h includes this file first of all in every one of its
 * sources, so three things can be settled without patching one of them:
 *
 *   1. no operating system: sockets, select, stdio and the clock are defined away. Whatever
 *      libssh2 wants to send or receive goes through the session's callbacks.
 *   2. time(NULL) stands still. libssh2 asks it only how long it has waited for a packet; every
 *      deadline of this project is kept by ssh_session, with the time it is given.
 *   3. the crypto backend is crypto_backend.h: it takes the include guard of libssh2's mbedtls.h.
 *
 * HAVE_O_NONBLOCK, HAVE_POLL and HAVE_SELECT stay undefined: there is no descriptor to ask.
 */
#ifndef SSH_LIBSSH2_CONFIG_H
#define SSH_LIBSSH2_CONFIG_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#define HAVE_GETTIMEOFDAY 1
#define HAVE_INTTYPES_H 1
#define HAVE_SNPRINTF 1
#define HAVE_STRTOLL 1
#define HAVE_SYS_SOCKET_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_UIO_H 1
#define HAVE_UNISTD_H 1

/* Function-like on purpose: a member of the same name without "(" after it is left alone. */
#define time(ptr) ((time_t)1)
#define select(n, r, w, e, t) ((void)(r), (void)(w), -1)
#define recv(fd, buf, len, flags) ((ssize_t) - 1)
#define send(fd, buf, len, flags) ((ssize_t) - 1)
#define fprintf(...) ((void)0)
#define fopen(name, mode) ((FILE *)NULL)

/* libssh2 counts "ext-info-c" and "kex-strict-c-v00@openssh.com" among the key exchanges and agrees
 * on one if the server lists it; these have no function to call. */
#define exchange_keys(session, state) \
    exchange_keys == NULL ? LIBSSH2_ERROR_KEX_FAILURE : session->kex->exchange_keys(session, state)

/* Not offered, not needed: what is left out here cannot be negotiated by accident either. */
#define LIBSSH2_NO_MD5 1
#define LIBSSH2_NO_MD5_PEM 1
#define LIBSSH2_NO_HMAC_RIPEMD 1
#define LIBSSH2_NO_3DES 1
#define LIBSSH2_NO_BLOWFISH 1
#define LIBSSH2_NO_RC4 1
#define LIBSSH2_NO_CAST 1
#define LIBSSH2_NO_DEPRECATED 1

#include "ssh/crypto_backend.h"

#endif
