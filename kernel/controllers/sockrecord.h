/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records of sockets, by address. Not in the kernel's storage of sockets: to make
 * that costs 2000 instructions a socket, and it is gone before security_sk_free(),
 * which no socket gets past. Nearly all are in a table where a hash of the address
 * leads to one place, so that finding one, or that there is none, takes a few loads;
 * where two fall together, the second is in a hash map.
 */
#ifndef RESCORE_SOCKRECORD_H
#define RESCORE_SOCKRECORD_H

#include "rescore.h"

#define RECORD_BITS	14
#define RECORD_BUSY	1	/* in place of an address: it is being written */

struct sockplace {
	__u64 address;		/* of the socket whose record it is; 0: none's */
	struct sockbuf buf;
	__u32 more;		/* records of this hash in sockbufs_more */
	__u32 unused;
};

struct sockplace sockbufs[1 << RECORD_BITS] RESCORE_TABLE(sockbufs);

/* Sized by the loader: every socket has a file, which needs a payer, too. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_extra, 2);
	__type(key, __u64);
	__type(value, struct sockbuf);
} sockbufs_more SEC(".maps");

static __always_inline struct sockplace *record_place(__u64 address)
{
	return sockbufs + rescore_hash(address, 64 - RECORD_BITS);
}

static __always_inline struct sockbuf *sockbuf_at(__u64 address)
{
	struct sockplace *place = record_place(address);

	if (READ_ONCE(place->address) == address)
		return &place->buf;
	return READ_ONCE(place->more) ?
		       bpf_map_lookup_elem(&sockbufs_more, &address) :
		       NULL;
}

/* Of any pointer to a socket; NULL: it has no record. */
#define sockbuf_of(sk) sockbuf_at(rescore_address(sk))

/* There is none yet. It, or NULL: there is no room. */
static __always_inline struct sockbuf *
record_add(__u64 address, const struct sockbuf *buf)
{
	struct sockplace *place = record_place(address);

	if (rescore_swapped(&place->address, 0, RECORD_BUSY)) {
		place->buf = *buf;
		/* orders it, too */
		__sync_lock_test_and_set(&place->address, address);
		return &place->buf;
	}
	/* counted first: nobody must overlook it */
	__sync_fetch_and_add(&place->more, 1);
	if (!bpf_map_update_elem(&sockbufs_more, &address, buf, BPF_NOEXIST))
		return bpf_map_lookup_elem(&sockbufs_more, &address);
	__sync_fetch_and_add(&place->more, -1);
	return NULL;
}

/* The socket is gone: nobody else looks for it. */
static __always_inline void record_remove(__u64 address)
{
	struct sockplace *place = record_place(address);

	if (READ_ONCE(place->address) == address)
		__sync_lock_test_and_set(&place->address, 0);
	else if (!bpf_map_delete_elem(&sockbufs_more, &address))
		__sync_fetch_and_add(&place->more, -1);
}

#endif /* RESCORE_SOCKRECORD_H */
