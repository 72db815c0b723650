/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables of x_tables (iptables-legacy, ip6tables-legacy, arptables-legacy): who
 * changes one gives the kernel all of it, and the new one takes the place of the
 * old. Part of iptent.bpf.c.
 *
 * The room for what is more than before is charged when the task asks, from the
 * header of its request, which is in its own memory. In the kernel's copy that header
 * may say something else, if another thread was quick. Nobody can be refused then any
 * more: who is above the barrier by such a trick is killed.
 *
 * Entry number i of a table is an object with the address of the table's
 * struct xt_table_info and 8 i: an entry takes more than that.
 */
#ifndef RESCORE_XT_H
#define RESCORE_XT_H

#include "nftbatch.h"
#include "syscall.h"

/* From in.h, socket.h, net.h, x_tables.h */
#define XT_AF_INET		2
#define XT_AF_INET6		10
#define XT_SOL_IP		0
#define XT_SOL_IPV6		41
#define XT_SOCK_RAW		3
#define XT_PROTO_MPTCP		262
#define XT_SET_REPLACE		64	/* iptables and ip6tables */
#define XT_ARP_SET_REPLACE	96
#define XT_SYS_SETSOCKOPT	14	/* of socketcall() */

#define XT_ENTRY_MIN		112	/* struct ip6t_entry has more */
#define XT_ENTRIES_MAX		(1 << 23)
#define XT_SIGKILL		9

#pragma clang attribute push(__attribute__((preserve_access_index)),	\
			     apply_to = record)

struct xt_table_info {
	unsigned int size;
	unsigned int number;
};

struct xt_table {
	struct list_head list;
	struct xt_table_info *private;
};

#pragma clang attribute pop

/* How struct ipt_replace, ip6t_replace and arpt_replace begin, compat ones too. */
struct xt_request {
	char name[32];
	__u32 valid_hooks;
	__u32 entries;
	__u32 size;
	__u32 hooks[2 * 5 + 1];		/* then their number of counters */
};

static __always_inline __u32 xt_number(__u64 info)
{
	struct xt_table_info *table = (void *)info;
	__u32 number = BPF_CORE_READ(table, number);
	__u32 most = BPF_CORE_READ(table, size) / XT_ENTRY_MIN;

	/* as the request has it, until the kernel has looked at it */
	return number < most ? number : most;
}

static __always_inline __u64 xt_key(__u64 info, __u32 i)
{
	return rescore_object_key(info + 8ULL * i, RESCORE_OBJ_XT);
}

/* --- asked for ------------------------------------------------------------------ */

/* Does the option come to x_tables, and nowhere else? */
static __always_inline bool
xt_is_request(struct sock *sk, int level, int option)
{
	__u16 family = sk->__sk_common.skc_family;

	if (option != XT_SET_REPLACE && option != XT_ARP_SET_REPLACE)
		return false;
	if (sk->sk_protocol == XT_PROTO_MPTCP)
		return false;
	if (level == XT_SOL_IP)
		return family == XT_AF_INET ||
		       (family == XT_AF_INET6 && sk->sk_type != XT_SOCK_RAW);
	return level == XT_SOL_IPV6 && family == XT_AF_INET6 &&
	       option == XT_SET_REPLACE;
}

/* Where the caller of setsockopt() has the option; 0: it is in no such call. */
static __always_inline __u64 xt_option(void)
{
	struct rescore_syscall call;
	__u32 option = 0;

	rescore_syscall_get(&call);
	if (rescore_syscall_is(&call, 54, 366) ||
	    (!call.compat && call.nr == 541))
		return rescore_syscall_arg(&call, 3);
	if (call.compat && call.nr == 102 &&
	    rescore_syscall_arg(&call, 0) == XT_SYS_SETSOCKOPT)
		bpf_probe_read_user(&option, sizeof(option),
				    (void *)rescore_syscall_arg(&call, 1) +
					    3 * sizeof(option));
	return option;
}

/*
 * 0, or -1: refuse it. What cannot be read (a page that is not there, a request by
 * io_uring) is let through, as if it were another than the kernel will find.
 */
RESCORE_FUNCTION int xt_begin(__u32 slot, __u32 resource, __u32 is_arp)
{
	struct batch batch = { .slot = slot };
	__u64 task = bpf_get_current_task();
	struct xt_request request = {};

	batch_end(resource, task);
	if (bpf_probe_read_user(&request, sizeof(request), (void *)xt_option()))
		return 0;
	batch.entries = request.entries;
	batch.counters = is_arp ? request.hooks[2 * 3] : request.hooks[2 * 5];
	if (batch.entries > batch.counters) {
		batch.left = batch.entries - batch.counters;
		if (rescore_payers_full() && !rescore_is_admin())
			return -1;
		if (rescore_try_charge(slot, resource, batch.left,
				       RESCORE_HARD))
			return -1;
	}
	if (!batch_insert(task, &batch))
		return 0;
	rescore_uncharge(slot, resource, batch.left);
	return -1;
}

/* --- made ------------------------------------------------------------------------ */

struct xt_walk {
	__u64 info;
	__u32 slot;
	__u32 resource;
};

/* An entry of the old table: its charge is for one of the new. */
static long xt_take_step(__u32 i, void *arg)
{
	struct xt_walk *walk = arg;
	struct batch *batch = batch_of_current();
	int slot = rescore_payer_take(xt_key(walk->info, i));

	if (slot <= 0)
		return 0;
	if (batch && batch->slot == (__u32)slot)
		__sync_fetch_and_add(&batch->left, 1);
	else
		rescore_uncharge(slot, walk->resource, 1);
	return 0;
}

static long xt_make_step(__u32 i, void *arg)
{
	struct xt_walk *walk = arg;
	struct batch *batch = batch_of_current();
	__u64 key = xt_key(walk->info, i);

	if (batch && batch_take(batch))
		rescore_own(key, walk->slot, walk->resource, true);
	else
		rescore_force_charge_object(key, walk->slot, walk->resource);
	return 0;
}

/* All entries of @info are @slot's; what the task has charged is used up first. */
RESCORE_FUNCTION int xt_make(__u64 info, __u32 slot, __u32 resource)
{
	struct xt_walk walk = {
		.info = info,
		.slot = slot,
		.resource = resource,
	};
	__u32 number = xt_number(info);

	if (number <= XT_ENTRIES_MAX)
		bpf_loop(number, xt_make_step, &walk, 0);
	return 0;
}

RESCORE_FUNCTION int xt_take(__u64 info, __u32 resource)
{
	struct xt_walk walk = { .info = info, .resource = resource };
	__u32 number = xt_number(info);

	/* all of a table are recorded, or none */
	if (number <= XT_ENTRIES_MAX && rescore_payer_find(xt_key(info, 0)) > 0)
		bpf_loop(number, xt_take_step, &walk, 0);
	return 0;
}

/* A table is to be replaced, perhaps: it fails if somebody else was quicker. */
RESCORE_FUNCTION int
xt_replace(__u64 new, __u64 old, __u32 counters, __u32 slot)
{
	__u64 task = bpf_get_current_task();
	struct batch *batch = batch_lookup(task);
	struct batch unasked = { .slot = slot };

	if (!batch) {
		if (!slot)
			return 0;
		batch_insert(task, &unasked);
		batch = batch_lookup(task);
	}
	if (!batch)
		return 0;
	batch->tricked = batch->entries != xt_number(new) ||
			 batch->counters != counters;
	batch->new_table = new;
	batch->old_table = old;
	return 0;
}

/* It was: the old one is freed next. */
RESCORE_FUNCTION int xt_replaced(__u32 resource)
{
	struct batch *batch = batch_of_current();
	__u64 new, old;
	__s64 more;

	if (!batch)
		return 0;
	new = batch->new_table;
	old = batch->old_table;
	batch->new_table = batch->old_table = 0;
	xt_take(old, resource);
	more = (__s64)xt_number(new) - READ_ONCE(batch->left);
	if (batch->tricked && more > 0 &&
	    rescore_check(batch->slot, resource, more, RESCORE_HARD))
		bpf_send_signal(XT_SIGKILL);
	xt_make(new, batch->slot, resource);
	return 0;
}

/* --- gone ------------------------------------------------------------------------- */

RESCORE_FUNCTION int xt_free(__u64 info, __u32 resource)
{
	struct batch *batch = batch_of_current();

	if (batch && batch->old_table == info)
		return xt_replaced(resource);
	if (batch && batch->new_table == info) {
		batch->new_table = batch->old_table = 0;
		return 0;
	}
	/* with its namespace, or replaced by the host */
	return xt_take(info, resource);
}

#endif /* RESCORE_XT_H */
