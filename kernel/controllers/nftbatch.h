/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a message to netfilter asks for. The kernel carries it out before sendmsg()
 * returns, all of it or nothing, and asks nobody meanwhile: so the place for it is
 * charged when it is sent, for the task, which then uses it up. What it did not use
 * goes back at the end of sendmsg(). Part of iptent.bpf.c.
 *
 * Whoever replaces a set of rules by another sends that as one batch, and both are
 * there until it is done. That is what the room between barrier and limit is for.
 */
#ifndef RESCORE_NFTBATCH_H
#define RESCORE_NFTBATCH_H

#include "cells.h"
#include "nft.h"

/* Headers and attributes of one message: more are refused. */
#define BATCH_STEPS	(1 << 22)

#define NLA_TYPE_MASK	0x3fff
#define NFGENMSG_SIZE	4

struct batch {
	__s64 left;		/* charged, and not used yet */
	__u32 slot;
	/* the walk: offsets in the message */
	__u32 end;		/* of it all */
	__u32 at;
	__u32 next;		/* request; 0: this is at the head of one */
	__u32 attributes_end;
	__u32 next_attribute;	/* 0: not in the list of elements */
	__u32 elements_end;
	__u32 entries;
	__u64 data;
	__u32 whole;		/* came to the end */
	__u32 deletes;		/* as well as it adds */
	/* xt.h */
	__u64 new_table;
	__u64 old_table;
	__u32 counters;		/* entries that the old has, says the request */
	__u32 tricked;		/* the kernel has found another request */
};

/* One for each task that is in sendmsg(), or in setsockopt(). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u64);
	__type(value, struct batch);
} batches SEC(".maps");

#define BATCH_CELLS_BITS 6	/* few tasks at a time are there */

RESCORE_CELLS(batch, struct batch, BATCH_CELLS_BITS, batches);

static __always_inline struct batch *batch_of_current(void)
{
	return batch_lookup(bpf_get_current_task());
}

static __always_inline __u32 batch_align(__u32 size)
{
	return (size + 3) & ~3U;
}

static __always_inline bool batch_deletes(const struct nlmsghdr *head)
{
	if (head->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return false;
	switch (head->nlmsg_type & 0xff) {
	case NFT_MSG_NEWRULE:
		return head->nlmsg_flags & NLM_F_REPLACE;
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
	case NFT_MSG_DESTROYTABLE ... NFT_MSG_DESTROYSETELEM:
		return true;
	}
	return false;
}

/* A request: enter it if it is a list of elements, else go to the next. */
static __always_inline int batch_request(struct batch *batch)
{
	struct nlmsghdr head = {};
	__u32 room = batch->end - batch->at, next;

	if (batch->at >= batch->end || room < sizeof(head) ||
	    bpf_probe_read_kernel(&head, sizeof(head),
				  (void *)batch->data + batch->at) ||
	    head.nlmsg_len < sizeof(head) || head.nlmsg_len > room) {
		batch->whole = 1;
		return 1;
	}
	if (batch_deletes(&head))
		batch->deletes = 1;
	next = batch->at + batch_align(head.nlmsg_len);
	if (head.nlmsg_type ==
	    (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM)) {
		batch->next = next;
		batch->attributes_end = batch->at + head.nlmsg_len;
		batch->at += sizeof(head) + NFGENMSG_SIZE;
		return 0;
	}
	if (head.nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
		batch->entries++;
	batch->at = next;
	return 0;
}

/* Size of the attribute at hand, 0 if there is none before @end. */
static __always_inline __u32 batch_attribute_size(const struct batch *batch,
						  __u32 end, __u16 *ret_type)
{
	struct nlattr attr = {};
	__u32 room = end - batch->at;

	if (batch->at >= end || room < sizeof(attr) ||
	    bpf_probe_read_kernel(&attr, sizeof(attr),
				  (void *)batch->data + batch->at) ||
	    attr.nla_len < sizeof(attr) || attr.nla_len > room)
		return 0;
	*ret_type = attr.nla_type & NLA_TYPE_MASK;
	return attr.nla_len;
}

static __always_inline void batch_attribute(struct batch *batch)
{
	__u16 type = 0;
	__u32 size = batch_attribute_size(batch, batch->attributes_end, &type);

	if (!size) {
		batch->at = batch->next;
		batch->next = 0;
	} else if (type == NFTA_SET_ELEM_LIST_ELEMENTS) {
		batch->elements_end = batch->at + size;
		batch->next_attribute = batch->at + batch_align(size);
		batch->at += sizeof(struct nlattr);
	} else {
		batch->at += batch_align(size);
	}
}

static __always_inline void batch_element(struct batch *batch)
{
	__u16 type;
	__u32 size = batch_attribute_size(batch, batch->elements_end, &type);

	if (size) {
		batch->entries++;
		batch->at += batch_align(size);
	} else {
		batch->at = batch->next_attribute;
		batch->next_attribute = 0;
	}
}

/*
 * @arg: where the batch is. State is in the map: on the stack it would be endless to
 * the verifier.
 */
static long batch_step(__u32 i, void *arg)
{
	struct batch *batch = *(struct batch **)arg;

	if (!batch)
		return 1;
	if (!batch->next)
		return batch_request(batch);
	if (batch->next_attribute)
		batch_element(batch);
	else
		batch_attribute(batch);
	return 0;
}

/* sendmsg() of @task ends; or another begins and the end of this was not seen. */
RESCORE_FUNCTION int batch_end(__u32 resource, __u64 task)
{
	struct batch *batch = batch_lookup(task);
	__s64 left;

	if (!batch)
		return 0;
	left = __sync_lock_test_and_set(&batch->left, 0);
	if (left > 0)
		rescore_uncharge(batch->slot, resource, left);
	batch_remove(task);
	return 0;
}

/* The message of @size bytes at @data is sent by a task of @slot: 0, or -1: refuse. */
RESCORE_FUNCTION int
batch_begin(__u32 slot, __u32 resource, __u64 data, __u32 size)
{
	struct batch new = { .slot = slot, .data = data, .end = size }, *batch;
	__u64 task = bpf_get_current_task();
	__u32 entries, severity;

	batch_end(resource, task);
	if (batch_insert(task, &new))
		return -1;
	batch = batch_lookup(task);
	if (!batch)
		return -1;
	bpf_loop(BATCH_STEPS, batch_step, &batch, 0);
	entries = batch->entries;
	if (batch->whole && !entries) {
		batch_remove(task);
		return 0;
	}
	severity = batch->deletes ? RESCORE_SOFT : RESCORE_HARD;
	if (batch->whole && (!rescore_payers_full() || rescore_is_admin()) &&
	    !rescore_try_charge(slot, resource, entries, severity)) {
		batch->left = entries;
		return 0;
	}
	batch_remove(task);
	return -1;
}

/* One of what the task has charged; false: it has none left. */
static __always_inline bool batch_take(struct batch *batch)
{
	if (__sync_fetch_and_add(&batch->left, -1) > 0)
		return true;
	__sync_fetch_and_add(&batch->left, 1);
	return false;
}

#endif /* RESCORE_NFTBATCH_H */
