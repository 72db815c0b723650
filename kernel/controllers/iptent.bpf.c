// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent: packet-filter entries: the rules of nftables, which are those of
 * iptables-nft as well, the elements of its sets and maps, and the entries of tables of
 * iptables-legacy, in whatever network namespaces.
 *
 * Charged     when a batch of requests is sent, for all that it asks for; what it
 *             did not come to is given back before the send returns.
 * Uncharged   rules when the kernel frees them, after a grace period; elements when
 *             they are taken out of their set, or freed with it; entries of a table
 *             as another takes its place, or with its namespace.
 * Who pays    the container whose task sent the batch; the host for what an
 *             administrator adds in a container's namespace. What packets add to a
 *             set is paid by who made the set.
 * Refused     setsockopt of iptables-legacy: ENOMEM, above the barrier.
 *             sendmsg: ENOMEM, the whole batch: above the barrier; above the limit
 *             if it also deletes or replaces something, since the old is there
 *             until the new is in force. What packets add is counted only: above
 *             the limit too, up to the set's size.
 * Costs       1 hook a setsockopt; 2 hooks a message to netlink; 2 more a rule or element: some 3100
 *             instructions on the host, 7600 in a container, for adding a rule and
 *             deleting it (17400). Packets meet one when they add an element.
 *
 * Not counted: tables, chains, sets, and the one element of a set that stands for all
 * others; ebtables-legacy. nf_tables and x_tables are modules: the loader loads them, as
 * the kernel would for the first who uses them.
 */
#include "rescore.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(numiptent) = {
	.name = "numiptent",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE,
	.err = ENOMEM,
	.ubc_index = 24,
	.objects = 1 << RESCORE_OBJ_NFT | 1 << RESCORE_OBJ_XT,
	.help = "packet-filter entries: nftables rules, elements of sets, "
		"iptables-legacy",
};

RESCORE_MODULE(nf_tables);
RESCORE_MODULE(x_tables);

#include "nftbatch.h"
#include "xt.h"
#include "iptcensus.h"

static __always_inline __u64 entry_key(__u64 address)
{
	return rescore_object_key(address, RESCORE_OBJ_NFT);
}

/* --- asked for ----------------------------------------------------------------- */

RESCORE_SECURITY_IF(numiptent__send, sk->sk_protocol == NETLINK_NETFILTER,
		    netlink_send, security_netlink_send, struct sock *sk,
		    struct sk_buff *skb)
{
	__u32 slot = rescore_current();

	if (!slot)
		return 0;
	if (batch_begin(slot, numiptent.id, (__u64)skb->data, skb->len))
		return -ENOMEM;
	return 0;
}

RESCORE_TWICE_LATE("fexit/netlink_sendmsg", numiptent__sent,
		   struct socket *sock)
{
	if (sock->sk->sk_protocol == NETLINK_NETFILTER && rescore_active())
		batch_end(numiptent.id, bpf_get_current_task());
	return 0;
}

/* The end of its sendmsg() is left out if it was under way as programs changed. */
RESCORE_TWICE("fentry/release_task", numiptent__reap, struct task_struct *task)
{
	batch_end(numiptent.id, rescore_address(task));
	return 0;
}

/* --- made ------------------------------------------------------------------------ */

static __noinline int entry_made(__u64 address)
{
	struct batch *batch = batch_of_current();
	__u64 key = entry_key(address);
	__u32 slot;

	if (rescore_repeats() && rescore_payer_find(key) >= 0)
		return 0;	/* the other copy was here */
	if (batch && batch_take(batch))
		return rescore_own(key, batch->slot, numiptent.id, true);
	slot = batch ? batch->slot : rescore_current();
	if (slot)
		rescore_force_charge_object(key, slot, numiptent.id);
	return 0;
}

/* Enters a change into the list of those to be made, or taken back, together. */
RESCORE_TWICE("fentry/nft_trans_commit_list_add_tail", numiptent__made)
{
	__u64 trans = rescore_arg(ctx, 1), element;

	switch (nft_trans_type(trans)) {
	case NFT_MSG_NEWRULE:
		entry_made(nft_trans_rule(trans));
		break;
	case NFT_MSG_NEWSETELEM:
		element = nft_trans_element(trans);
		if (element && !nft_is_catchall(trans, element))
			entry_made(element);
		break;
	}
	return 0;
}

/* --- gone ------------------------------------------------------------------------- */

static __noinline int entry_gone(__u64 address)
{
	rescore_uncharge_object(entry_key(address), numiptent.id);
	return 0;
}

/*
 * The same in the task that made it, perhaps: the kernel begins some batches again
 * from the start, so what it takes back is the batch's once more.
 */
static __noinline int entry_taken_back(__u64 address)
{
	int slot = rescore_payer_take(entry_key(address));
	struct batch *batch;

	if (slot <= 0)
		return 0;
	batch = batch_of_current();
	if (batch && batch->slot == (__u32)slot)
		__sync_fetch_and_add(&batch->left, 1);
	else
		rescore_uncharge(slot, numiptent.id, 1);
	return 0;
}

RESCORE_TWICE("fentry/nf_tables_rule_destroy", numiptent__rule_gone)
{
	return entry_taken_back(rescore_arg(ctx, 1));
}

/*
 * No member is of a value that is known when the walk begins: 6.1's verifier would
 * take it for that in every step, and throw away what is never done then.
 */
struct rules_walk {
	__u64 chains;	/* head of the list */
	__u64 chain;
	__u64 rules;
	__u64 rule;	/* at the head: on to the next chain */
};

static long rules_step(__u32 i, void *arg)
{
	struct rules_walk *walk = arg;

	if (walk->rule != walk->rules) {
		entry_gone(walk->rule -
			   bpf_core_field_offset(struct nft_rule, list));
		walk->rule = nft_read(walk->rule);
		return 0;
	}
	if (walk->chain == walk->chains)
		return 1;
	walk->rules = walk->chain -
		      bpf_core_field_offset(struct nft_chain, list) +
		      bpf_core_field_offset(struct nft_chain, rules);
	walk->rule = nft_read(walk->rules);
	walk->chain = nft_read(walk->chain);
	return 0;
}

/* With the namespace, or with the socket that owned it: no function frees its rules. */
RESCORE_TWICE("fentry/__nft_release_table", numiptent__table_gone)
{
	struct rules_walk walk = {
		.chains = rescore_arg(ctx, 1) +
			  bpf_core_field_offset(struct nft_table, chains),
	};

	walk.chain = nft_read(walk.chains);
	walk.rule = nft_read(walk.chains);
	walk.rules = nft_read(walk.chains);
	bpf_loop(RULES_MAX, rules_step, &walk, 0);
	return 0;
}

/* With the device that a chain was for; later kernels keep it. */
RESCORE_TWICE("fentry/__nft_release_basechain", numiptent__chain_gone__opt)
{
	struct nft_ctx *nft = (void *)rescore_arg(ctx, 0);
	__u64 chain = (__u64)BPF_CORE_READ(nft, chain);
	struct rules_walk walk = {
		.chains = chain,
		.chain = chain,
		.rules = chain + bpf_core_field_offset(struct nft_chain, rules),
	};

	walk.rule = nft_read(walk.rules);
	bpf_loop(RULES_MAX, rules_step, &walk, 0);
	return 0;
}

/* A batch is done, or taken back; or the element has expired. */
RESCORE_TWICE("fentry/nft_setelem_remove", numiptent__removed)
{
	return entry_taken_back(nft_element(rescore_arg(ctx, 2)));
}

/* With its set. */
RESCORE_TWICE("fentry/nf_tables_set_elem_destroy", numiptent__destroyed)
{
	return entry_gone(rescore_arg(ctx, 2));
}

struct collected {
	__u64 trans;
};

static long collected_step(__u32 i, void *arg)
{
	struct collected *collected = arg;

	entry_gone(nft_read(collected->trans +
			    bpf_core_field_offset(struct nft_trans_gc, priv) +
			    i * sizeof(__u64)));
	return 0;
}

/* Those that have expired. */
RESCORE_TWICE("fentry/nft_trans_gc_trans_free", numiptent__collected)
{
	struct collected collected = {
		.trans = rescore_arg(ctx, 0) -
			 bpf_core_field_offset(struct nft_trans_gc, rcu),
	};
	struct nft_trans_gc *trans = (void *)collected.trans;
	__u32 count = BPF_CORE_READ(trans, count);

	bpf_loop(count, collected_step, &collected, 0);
	return 0;
}

/*
 * A batch is taken back, or a packet's element was in the set already. Packets may
 * come while the program runs for a task: so there are two of them on every kernel.
 */
#define ENTRY_DROPPED(section, name, n)			\
	SEC(section)					\
	int RESCORE_REPEATABLE(name)			\
	{						\
		return entry_gone(rescore_arg(ctx, n));	\
	}

ENTRY_DROPPED("fentry/__nft_set_elem_destroy", numiptent__dropped__inner, 2)
ENTRY_DROPPED("fentry/nft_set_elem_destroy", numiptent__dropped__outer, 1)
ENTRY_DROPPED("fentry/__nft_set_elem_destroy", numiptent__dropped_2__inner, 2)
ENTRY_DROPPED("fentry/nft_set_elem_destroy", numiptent__dropped_2__outer, 1)

/* --- sets that packets add to: one kind of them, with a hash table that grows -------- */

/* A set that is empty does not keep its maker's slot from being given away. */
struct set_maker {
	__u64 serial;
	__u64 slot;
};

/* By the set's address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u64);
	__type(value, struct set_maker);
} set_makers SEC(".maps");

static __always_inline __u64 serial_of(__u32 slot)
{
	struct rescore_container *container;

	container = bpf_map_lookup_elem(&containers, &slot);
	return container ? READ_ONCE(container->serial) : 0;
}

RESCORE_TWICE("fexit/nft_rhash_init", numiptent__set_made)
{
	__u64 set = rescore_arg(ctx, 0), err = 0;
	__u32 slot = rescore_current();
	struct set_maker maker = { .slot = slot, .serial = serial_of(slot) };

	bpf_get_func_ret(ctx, &err);
	if (!(int)err && slot)
		bpf_map_update_elem(&set_makers, &set, &maker, BPF_ANY);
	return 0;
}

RESCORE_TWICE("fentry/nft_rhash_destroy", numiptent__set_gone)
{
	__u64 set = rescore_arg(ctx, 1);

	bpf_map_delete_elem(&set_makers, &set);
	return 0;
}

#define ENTRY_OF_PACKET(name)						\
	SEC("fexit/nft_dynset_new")					\
	int RESCORE_REPEATABLE(name)					\
	{								\
		__u64 element = 0;					\
									\
		bpf_get_func_ret(ctx, &element);			\
		return entry_of_packet(element, rescore_arg(ctx, 0));	\
	}

static __noinline int entry_of_packet(__u64 address, __u64 set)
{
	struct set_maker *maker = bpf_map_lookup_elem(&set_makers, &set);
	__u64 key = entry_key(address);

	if (!maker || !address || rescore_payer_find(key) >= 0 ||
	    maker->serial != serial_of(maker->slot))
		return 0;
	rescore_force_charge_object(key, maker->slot, numiptent.id);
	return 0;
}

ENTRY_OF_PACKET(numiptent__packet)
ENTRY_OF_PACKET(numiptent__packet_2)

/* --- iptables-legacy --------------------------------------------------------------- */

RESCORE_SECURITY_IF(numiptent__ask,
		    option == XT_SET_REPLACE || option == XT_ARP_SET_REPLACE,
		    socket_setsockopt, security_socket_setsockopt,
		    struct socket *sock, int level, int option)
{
	struct sock *sk = sock->sk;
	__u32 slot;

	if (!sk || !xt_is_request(sk, level, option))
		return 0;
	slot = rescore_current();
	if (slot && xt_begin(slot, numiptent.id, option == XT_ARP_SET_REPLACE))
		return -ENOMEM;
	return 0;
}

/* Options of netfilter only. */
RESCORE_TWICE("fexit/nf_setsockopt", numiptent__asked__opt)
{
	return batch_end(numiptent.id, bpf_get_current_task());
}

/* The first use of a table in a namespace, and its rules for nothing. */
RESCORE_TWICE("fentry/xt_register_table", numiptent__xt_register__opt)
{
	__u32 slot = rescore_current(), last = bpf_get_func_arg_cnt(ctx) - 1;
	__u64 info = 0;

	bpf_get_func_arg(ctx, last, &info);
	if (!slot || rescore_payer_find(xt_key(info, 0)) >= 0)
		return 0;
	return xt_make(info, slot, numiptent.id);
}

RESCORE_TWICE("fentry/xt_replace_table", numiptent__xt_replace__opt)
{
	struct xt_table *table = (void *)rescore_arg(ctx, 0);
	__u64 new = rescore_arg(ctx, 2);

	/* one that is registered, in 6.1 */
	if (rescore_payer_find(xt_key(new, 0)) >= 0)
		return 0;
	return xt_replace(new, (__u64)BPF_CORE_READ(table, private),
			  rescore_arg(ctx, 1), rescore_current());
}

RESCORE_TWICE("fentry/xt_free_table_info", numiptent__xt_free__opt)
{
	return xt_free(rescore_arg(ctx, 0), numiptent.id);
}
