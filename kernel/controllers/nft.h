/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What module nf_tables calls things, as far as they are read, and how to get from
 * a change that it lists to the rule or element that is new. Part of iptent.bpf.c.
 *
 * A transaction (struct nft_trans) was a header with the rest behind it in data[],
 * up to Linux 6.10; since then struct nft_trans_rule, … begin with the header.
 */
#ifndef RESCORE_NFT_H
#define RESCORE_NFT_H

#include "rescore.h"

/* From netlink.h, nfnetlink.h, nf_tables.h; vmlinux.h has no macros. */
#define NETLINK_NETFILTER	12
#define NFNL_SUBSYS_NFTABLES	10
#define NLM_F_REPLACE		0x100
#define NFT_MSG_DELTABLE	2
#define NFT_MSG_DELCHAIN	5
#define NFT_MSG_NEWRULE		6
#define NFT_MSG_DELRULE		8
#define NFT_MSG_DELSET		11
#define NFT_MSG_NEWSETELEM	12
#define NFT_MSG_DELSETELEM	14
#define NFT_MSG_DESTROYTABLE	26
#define NFT_MSG_DESTROYSETELEM	30
#define NFTA_SET_ELEM_LIST_ELEMENTS 3
#define NFT_SET_ELEM_CATCHALL	2
#define NFT_TRANS_GC_BATCHCOUNT	256

#define RULES_MAX		(1 << 23)	/* of a walk */

#pragma clang attribute push(__attribute__((preserve_access_index)),	\
			     apply_to = record)

struct nft_rule {
	struct list_head list;
};

struct nft_chain {
	struct list_head rules;
	struct list_head list;
};

struct nft_table {
	struct list_head list;
	struct list_head chains;
	struct list_head sets;
};

struct nft_ctx {
	struct nft_chain *chain;
};

struct nft_set_ops {
	unsigned int elemsize;
};

struct nft_set {
	struct list_head list;
	const struct nft_set_ops *ops;
	atomic_t nelems;
};

enum nft_set_extensions {
	NFT_SET_EXT_FLAGS = 3,
};

struct nft_set_ext {
	__u8 offset[8];
};

struct nft_trans {
	int msg_type;
};

struct nft_trans___before_6_11 {
	char data[0];
};

struct nft_trans_rule {
	struct nft_rule *rule;
};

struct nft_trans_elem {
	struct nft_set *set;
};

/* since 6.7; whole, for a declaration only cannot be looked for */
struct nft_elem_priv {
};

/* up to 6.6; given to functions as well */
struct nft_set_elem___before_6_7 {
	void *priv;
};

struct nft_trans_elem___before_6_7 {
	struct nft_set_elem___before_6_7 elem;
};

/* then */
struct nft_trans_elem___one {
	struct nft_elem_priv *elem_priv;
	__u8 update_flags;
};

/* and now */
struct nft_trans_one_elem {
	struct nft_elem_priv *priv;
	__u8 update_flags;
};

struct nft_trans_elem___many {
	struct nft_trans_one_elem elems[0];
};

struct nft_trans_gc {
	__u16 count;
	void *priv[NFT_TRANS_GC_BATCHCOUNT];
	struct callback_head rcu;
};

#pragma clang attribute pop

static __always_inline __u64 nft_read(__u64 address)
{
	return rescore_scalar((void *)address);
}

/* Where the members of struct nft_trans_rule, … are counted from. */
static __always_inline __u64 nft_trans_base(__u64 trans)
{
	struct nft_trans___before_6_11 *old = (void *)trans;

	if (bpf_core_field_exists(old->data))
		trans += bpf_core_field_offset(old->data);
	return trans;
}

static __always_inline int nft_trans_type(__u64 trans)
{
	return BPF_CORE_READ((struct nft_trans *)trans, msg_type);
}

static __always_inline __u64 nft_trans_rule(__u64 trans)
{
	struct nft_trans_rule *rule = (void *)nft_trans_base(trans);

	return (__u64)BPF_CORE_READ(rule, rule);
}

/* The one of a set that stands for whatever is not in it is on a list of its own. */
static __always_inline bool nft_is_catchall(__u64 trans, __u64 element)
{
	struct nft_trans_elem *change = (void *)nft_trans_base(trans);
	struct nft_set_ext *ext = (void *)element +
				  BPF_CORE_READ(change, set, ops, elemsize);
	__u8 offset = 0, flags = 0;

	bpf_probe_read_kernel(
		&offset, sizeof(offset),
		&ext->offset[bpf_core_enum_value(enum nft_set_extensions,
						 NFT_SET_EXT_FLAGS)]);
	if (!offset)
		return false;
	bpf_probe_read_kernel(&flags, sizeof(flags), (void *)ext + offset);
	return flags & NFT_SET_ELEM_CATCHALL;
}

/* The element that is new; 0: only its timeout is. */
static __always_inline __u64 nft_trans_element(__u64 trans)
{
	void *change = (void *)nft_trans_base(trans);
	struct nft_trans_elem___before_6_7 *old = change;
	struct nft_trans_elem___many *many = change;
	struct nft_trans_elem___one *one = change;

	if (bpf_core_field_exists(many->elems)) {
		struct nft_trans_one_elem *first =
			change + bpf_core_field_offset(many->elems);

		if (BPF_CORE_READ(first, update_flags))
			return 0;
		return (__u64)BPF_CORE_READ(first, priv);
	}
	if (!bpf_core_field_exists(one->elem_priv))
		return (__u64)BPF_CORE_READ(old, elem.priv);
	if (bpf_core_field_exists(one->update_flags) &&
	    BPF_CORE_READ(one, update_flags))
		return 0;
	return (__u64)BPF_CORE_READ(one, elem_priv);
}

/* The element that a function is given as argument @given. */
static __always_inline __u64 nft_element(__u64 given)
{
	struct nft_set_elem___before_6_7 *old = (void *)given;

	if (bpf_core_type_exists(struct nft_elem_priv))
		return given;
	return (__u64)BPF_CORE_READ(old, priv);
}

#endif /* RESCORE_NFT_H */
