/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the audit: a census of what packet filter there is, in all network namespaces,
 * of processes or not, from the lists that the modules keep. An entry that somebody
 * pays for and that is in none of them is gone. Of sets only the number of their
 * elements is known, so of those any may be meant. Part of iptent.bpf.c.
 */
#ifndef RESCORE_IPTCENSUS_H
#define RESCORE_IPTCENSUS_H

#include "truth.h"
#include "xt.h"

#define CENSUS_MAX	(1 << 17)	/* rules; of more nothing is said */
#define CENSUS_STEPS	(CENSUS_MAX + (1 << 16))	/* a CPU is not kept for longer */

#pragma clang attribute push(__attribute__((preserve_access_index)),	\
			     apply_to = record)

struct nftables_pernet {
	struct list_head tables;
};

struct xt_pernet {
	struct list_head tables[1];	/* of each family; how many it is changes */
};

#pragma clang attribute pop

/* Rules and entries of x_tables that there are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CENSUS_MAX);
	__type(key, __u64);
	__type(value, __u64);
} listed SEC(".maps");

/*
 * Where the walk is, and the heads of the lists that it walks. It is in a map, since
 * 6.1's verifier takes what it knows on the stack for what is there in every step.
 */
struct census {
	__u64 own_net, net;
	__u64 nft_id, xt_id;
	__u64 tables, table;
	__u64 chains, chain;
	__u64 rules, rule;
	__u64 sets, set;
	__u64 info;
	__s64 elements;		/* of all sets together */
	__u64 steps;		/* of all lists together */
	__u64 lost;		/* the way, or the room for what is found */
	__u64 whole;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct census);
} censuses SEC(".maps");

static __always_inline struct census *census_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&censuses, &zero);
}

/*
 * From @at to what comes after it in its list. Nothing locks the lists: what has
 * been taken out of one meanwhile may lead anywhere, but not to an entry that leads
 * back to it.
 */
static __always_inline __u64 census_next(struct census *walk, __u64 at)
{
	__u64 next = nft_read(at);

	if (!next || nft_read(next + bpf_core_field_offset(struct list_head,
							   prev)) != at)
		walk->lost = 1;
	return next;
}

/* Is there one more, at @at, before the list is back at its @head? */
static __always_inline bool census_at(struct census *walk, __u64 at, __u64 head)
{
	if (++walk->steps > CENSUS_STEPS)
		walk->lost = 1;
	return !walk->lost && at != head;
}

static __always_inline void census_note(struct census *walk, __u64 key)
{
	__u64 one = 1;

	if (bpf_map_update_elem(&listed, &key, &one, BPF_ANY))
		walk->lost = 1;
}

static long census_rule(__u32 i, void *arg)
{
	struct census *walk = census_get();

	if (!walk || !census_at(walk, walk->rule, walk->rules))
		return 1;
	census_note(walk, rescore_object_key(
				  walk->rule - bpf_core_field_offset(
						       struct nft_rule, list),
				  RESCORE_OBJ_NFT));
	walk->rule = census_next(walk, walk->rule);
	return 0;
}

static long census_chain(__u32 i, void *arg)
{
	struct census *walk = census_get();

	if (!walk || !census_at(walk, walk->chain, walk->chains))
		return 1;
	walk->rules = walk->chain -
		      bpf_core_field_offset(struct nft_chain, list) +
		      bpf_core_field_offset(struct nft_chain, rules);
	walk->rule = census_next(walk, walk->rules);
	bpf_loop(RULES_MAX, census_rule, NULL, 0);
	walk->chain = census_next(walk, walk->chain);
	return 0;
}

static long census_set(__u32 i, void *arg)
{
	struct census *walk = census_get();
	struct nft_set *set;

	if (!walk || !census_at(walk, walk->set, walk->sets))
		return 1;
	set = (void *)(walk->set - bpf_core_field_offset(struct nft_set, list));
	walk->elements += BPF_CORE_READ(set, nelems.counter);
	walk->set = census_next(walk, walk->set);
	return 0;
}

static long census_table(__u32 i, void *arg)
{
	struct census *walk = census_get();
	__u64 table;

	if (!walk || !census_at(walk, walk->table, walk->tables))
		return 1;
	table = walk->table - bpf_core_field_offset(struct nft_table, list);
	walk->chains = table + bpf_core_field_offset(struct nft_table, chains);
	walk->chain = census_next(walk, walk->chains);
	bpf_loop(RULES_MAX, census_chain, NULL, 0);
	walk->sets = table + bpf_core_field_offset(struct nft_table, sets);
	walk->set = census_next(walk, walk->sets);
	bpf_loop(RULES_MAX, census_set, NULL, 0);
	walk->table = census_next(walk, walk->table);
	return 0;
}

static long census_entry(__u32 i, void *arg)
{
	struct census *walk = census_get();

	if (!walk || !census_at(walk, i, CENSUS_STEPS))
		return 1;
	census_note(walk, xt_key(walk->info, i));
	return 0;
}

static long census_xt_table(__u32 i, void *arg)
{
	struct census *walk = census_get();
	struct xt_table *table;

	if (!walk || !census_at(walk, walk->table, walk->tables))
		return 1;
	table = (void *)(walk->table -
			 bpf_core_field_offset(struct xt_table, list));
	walk->info = (__u64)BPF_CORE_READ(table, private);
	bpf_loop(xt_number(walk->info), census_entry, NULL, 0);
	walk->table = census_next(walk, walk->table);
	return 0;
}

static long census_family(__u32 i, void *arg)
{
	struct census *walk = census_get();

	if (!walk || walk->lost)
		return 1;
	walk->table = census_next(walk, walk->tables);
	bpf_loop(RULES_MAX, census_xt_table, NULL, 0);
	walk->tables += sizeof(struct list_head);
	return 0;
}

/* What module number @id keeps for the namespace, or 0. */
static __always_inline __u64 census_pernet(struct net *net, __u64 id)
{
	struct net_generic *gen = BPF_CORE_READ(net, gen);

	/* its first members are in the place of the first pointers */
	if (id < 3 || id >= BPF_CORE_READ(gen, s.len))
		return 0;
	return nft_read((__u64)gen + id * sizeof(__u64));
}

static long census_net(__u32 i, void *arg)
{
	struct census *walk = census_get();
	struct net *net, *own;
	__u64 pernet;

	if (!walk)
		return 1;
	net = (void *)(walk->net - bpf_core_field_offset(struct net, list));
	own = (void *)walk->own_net;
	/* the head of the list, which is no namespace, has no such pointer */
	if (BPF_CORE_READ(net, ns.ops) == BPF_CORE_READ(own, ns.ops)) {
		pernet = census_pernet(net, walk->nft_id);
		if (pernet) {
			walk->tables = pernet +
				       bpf_core_field_offset(
					       struct nftables_pernet, tables);
			walk->table = census_next(walk, walk->tables);
			bpf_loop(RULES_MAX, census_table, NULL, 0);
		}
		pernet = census_pernet(net, walk->xt_id);
		if (pernet && bpf_core_type_exists(struct xt_pernet)) {
			walk->tables = pernet +
				       bpf_core_field_offset(struct xt_pernet,
							     tables);
			bpf_loop(bpf_core_type_size(struct xt_pernet) /
					 sizeof(struct list_head),
				 census_family, NULL, 0);
		}
	}
	walk->net = census_next(walk, walk->net);
	return !census_at(
		walk, walk->net,
		walk->own_net + bpf_core_field_offset(struct net, list));
}

static long
census_forget(struct bpf_map *map, __u64 *key, __u64 *value, void *arg)
{
	bpf_map_delete_elem(&listed, key);
	return 0;
}

/* A variable of each module: the number of what it keeps in a namespace. */
static const char nf_tables_net_id[] = "nf_tables_net_id";
static const char xt_pernet_id[] = "xt_pernet_id";

/* 0: there is no such module. */
#define CENSUS_ID(name)							\
({									\
	__u64 __address = 0;						\
	__u32 __id = 0;							\
									\
	if (!bpf_kallsyms_lookup_name(name, sizeof(name), 0, &__address)) \
		bpf_probe_read_kernel(&__id, sizeof(__id),		\
				      (void *)__address);		\
	__id;								\
})

SEC("syscall")
int numiptent__census(struct rescore_census *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct census *walk = census_get();

	if (!walk)
		return 0;
	WRITE_ONCE(walk->whole, 0);
	bpf_for_each_map_elem(&listed, census_forget, NULL, 0);
	walk->elements = walk->steps = walk->lost = 0;
	walk->nft_id = CENSUS_ID(nf_tables_net_id);
	walk->xt_id = CENSUS_ID(xt_pernet_id);
	walk->own_net = (__u64)BPF_CORE_READ(task, nsproxy, net_ns);
	walk->net = walk->own_net + bpf_core_field_offset(struct net, list);
	bpf_loop(CENSUS_STEPS, census_net, NULL, 0);
	/* it lacks what it did not find the way to */
	WRITE_ONCE(walk->whole,
		   READ_ONCE(walk->nft_id) && !READ_ONCE(walk->lost));
	return 0;
}

/* Is an entry that is paid for one of those that there are? */
static __always_inline bool census_has(struct census *census, __u64 key)
{
	if (!READ_ONCE(census->whole) || bpf_map_lookup_elem(&listed, &key))
		return true;
	if (RESCORE_KEY_KIND(key >> 16) != RESCORE_OBJ_NFT)
		return false;
	/* an element, if there are as many */
	return __sync_fetch_and_add(&census->elements, -1) > 0;
}

static __always_inline void census_write(struct seq_file *seq, __u64 entry)
{
	__u64 key = entry & ~0xffffULL;
	__u32 kind = RESCORE_KEY_KIND(entry >> 16);
	struct census *census;

	if (!entry || (kind != RESCORE_OBJ_NFT && kind != RESCORE_OBJ_XT))
		return;
	census = census_get();
	if (census)
		rescore_truth_write(seq, key, RESCORE_SLOT(entry),
				    census_has(census, key));
}

RESCORE_TRUTH_OF_PAYERS(numiptent, census_write)

#endif /* RESCORE_IPTCENSUS_H */
