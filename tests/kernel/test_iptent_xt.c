// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent: tables of x_tables, as iptables-legacy makes them, put together byte by
 * byte. The kernel counts the entries that end the chains as well: a table "filter"
 * with nothing in it has four.
 */
#include <linux/netfilter/x_tables.h>

#include "nft.h"

#define SET_REPLACE	64	/* linux/netfilter_ipv4/ip_tables.h, ipv6 the same */
#define GET_INFO	64
#define HOOKS		5
#define FIRST_HOOK	1	/* INPUT, FORWARD, OUTPUT */
#define LAST_HOOK	3
#define EMPTY		4	/* entries of the table without rules */

struct table_head {
	char name[XT_TABLE_MAXNAMELEN];
	uint32_t valid_hooks;
	uint32_t entries;
	uint32_t size;
	uint32_t hook[HOOKS];
	uint32_t underflow[HOOKS];
	uint32_t counters;
	void *old_counters;
};

struct table_info {
	char name[XT_TABLE_MAXNAMELEN];
	uint32_t valid_hooks;
	uint32_t hook[HOOKS];
	uint32_t underflow[HOOKS];
	uint32_t entries;
	uint32_t size;
};

/* struct ipt_entry and ip6t_entry: the match, this, counters. */
struct entry_middle {
	uint32_t nfcache;
	uint16_t target_offset;
	uint16_t next_offset;
};

#define TABLE_SIZE	(1 << 20)
#define MATCH_IPV4	84
#define MATCH_IPV6	136
#define ENTRY_IPV4	112
#define ENTRY_IPV6	168

static _Alignas(8) char table[TABLE_SIZE];

static int level_of(int family)
{
	return family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

static void add_entry(struct table_head *head, int family, const void *target,
		      size_t size)
{
	size_t match = family == AF_INET6 ? MATCH_IPV6 : MATCH_IPV4;
	size_t entry = family == AF_INET6 ? ENTRY_IPV6 : ENTRY_IPV4;
	char *at = table + sizeof(*head) + head->size;
	struct entry_middle *middle = (void *)(at + match);

	memset(at, 0, entry);
	middle->target_offset = entry;
	middle->next_offset = entry + size;
	memcpy(at + entry, target, size);
	head->size += middle->next_offset;
	head->entries++;
}

static void add_accept(struct table_head *head, int family)
{
	struct xt_standard_target accept = {
		.target.u.user.target_size = sizeof(accept),
		.verdict = -2,	/* -NF_ACCEPT - 1 */
	};

	add_entry(head, family, &accept, sizeof(accept));
}

/* A table with @n rules, all of them for what comes in. */
static struct table_head *build(int family, long n)
{
	struct table_head *head = (void *)table;
	struct xt_error_target error = {
		.target.u.user.target_size = sizeof(error),
		.target.u.user.name = "ERROR",
		.errorname = "ERROR",
	};
	int hook;

	memset(head, 0, sizeof(*head));
	strcpy(head->name, "filter");
	for (hook = FIRST_HOOK; hook <= LAST_HOOK; hook++) {
		head->valid_hooks |= 1 << hook;
		head->hook[hook] = head->size;
		for (; n > 0; n--)
			add_accept(head, family);
		head->underflow[hook] = head->size;
		add_accept(head, family);
	}
	add_entry(head, family, &error, sizeof(error));
	return head;
}

static int raw_socket(int family)
{
	return socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

/* How many entries the kernel says that there are, or -errno. */
static long listed(long family, long b, long c)
{
	struct table_info info = { .name = "filter" };
	socklen_t size = sizeof(info);
	int fd = raw_socket(family), err = 0;

	if (getsockopt(fd, level_of(family), GET_INFO, &info, &size))
		err = -errno;
	close(fd);
	return err ?: (long)info.entries;
}

/* The table with @n rules in the place of the old one, which has @counters entries. */
static long replace_with(int family, struct table_head *head, long counters)
{
	struct xt_counters *old = calloc(counters + 1, sizeof(*old));
	int fd = raw_socket(family), err = 0;

	head->counters = counters;
	head->old_counters = old;
	if (setsockopt(fd, level_of(family), SET_REPLACE, head,
		       sizeof(*head) + head->size))
		err = -errno;
	close(fd);
	free(old);
	return err;
}

static long replace(long family, long n, long c)
{
	long counters = listed(family, 0, 0);

	return counters < 0 ? counters :
			      replace_with(family, build(family, n), counters);
}

FIXTURE(xt)
{
	int slot;
	int other;
	struct puppet *p;
};

FIXTURE_SETUP(xt)
{
	/* as iptables does; the tables then come by themselves */
	if (system("modprobe -q ip_tables; modprobe -q ip6_tables"))
		TH_LOG("no ip6_tables");
	NFT_SETUP("kt-xt");
	ASSERT_LT(0, self->other = make("kt-xt-2"));
	if (puppet_do(self->p, listed, AF_INET, 0, 0) != EMPTY)
		SKIP(return, "this kernel has no ip_tables");
}

NFT_TEARDOWN(xt)

#define REPLACE(n)	puppet_do(self->p, replace, AF_INET, n, 0)
#define EXPECT_ENTRIES(n) do {						\
	EXPECT_HELD(n, self->slot, numiptent);				\
	EXPECT_EQ((n), puppet_do(self->p, listed, AF_INET, 0, 0));	\
	EXPECT_CLEAN_AUDIT(self->slot);					\
} while (0)

TEST_F(xt, entries)
{
	EXPECT_ENTRIES(EMPTY);
	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_ENTRIES(EMPTY + PRIME);
	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_ENTRIES(EMPTY + PRIME);
	EXPECT_EQ(0, REPLACE(7));
	EXPECT_ENTRIES(EMPTY + 7);
	/* never more than one of the tables, though there were two */
	EXPECT_EQ(EMPTY + PRIME, row(self->slot, numiptent).maxheld);
	EXPECT_EQ(0, REPLACE(997));
	EXPECT_ENTRIES(EMPTY + 997);
	EXPECT_EQ(0, REPLACE(0));
	EXPECT_ENTRIES(EMPTY);
}

/* Those of both families, and rules of nftables beside them. */
TEST_F(xt, families)
{
	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_EQ(EMPTY, puppet_do(self->p, listed, AF_INET6, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, replace, AF_INET6, 5, 0));
	EXPECT_EQ(EMPTY + 5, puppet_do(self->p, listed, AF_INET6, 0, 0));
	EXPECT_HELD(2 * EMPTY + PRIME + 5, self->slot, numiptent);
	EXPECT_EQ(0, puppet_do(self->p, nft_rules, 3, 0, 0));
	EXPECT_HELD(2 * EMPTY + PRIME + 5 + 3, self->slot, numiptent);
	EXPECT_CLEAN_AUDIT(self->slot);
}

TEST_F(xt, namespace_exit)
{
	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_ENTRIES(EMPTY + PRIME);
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numiptent);
}

TEST_F(xt, bound)
{
	set_bounds(self->slot, numiptent, EMPTY + PRIME, EMPTY + PRIME);
	EXPECT_EQ(-ENOMEM, REPLACE(PRIME + 1));
	EXPECT_ENTRIES(EMPTY);
	EXPECT_EQ(1, failcnt(self->slot, numiptent));
	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_ENTRIES(EMPTY + PRIME);
	/* another one of the same size finds room: the old goes */
	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_EQ(-ENOMEM, REPLACE(PRIME + 1));
	EXPECT_ENTRIES(EMPTY + PRIME);
	EXPECT_EQ(2, failcnt(self->slot, numiptent));
	EXPECT_EQ(0, REPLACE(0));
	EXPECT_ENTRIES(EMPTY);
}

/* What the kernel refuses leaves all as it was. */
static long fails(long how, long b, long c)
{
	struct table_head *head = build(AF_INET, PRIME);
	long counters = listed(AF_INET, 0, 0);

	switch (how) {
	case 0:		/* somebody else was quicker */
		return replace_with(AF_INET, head, counters + 1);
	case 1:		/* a hook in the middle of an entry */
		head->hook[FIRST_HOOK] += 8;
		return replace_with(AF_INET, head, counters);
	case 2:		/* more entries than it has */
		head->entries += 3;
		return replace_with(AF_INET, head, counters);
	case 3:
		strcpy(head->name, "nothing");
		return replace_with(AF_INET, head, counters);
	}
	return 0;
}

TEST_F(xt, failures)
{
	EXPECT_EQ(0, REPLACE(7));
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, fails, 0, 0, 0));
	EXPECT_ENTRIES(EMPTY + 7);
	EXPECT_EQ(-EINVAL, puppet_do(self->p, fails, 1, 0, 0));
	EXPECT_ENTRIES(EMPTY + 7);
	EXPECT_EQ(-EINVAL, puppet_do(self->p, fails, 2, 0, 0));
	EXPECT_ENTRIES(EMPTY + 7);
	EXPECT_EQ(-ENOENT, puppet_do(self->p, fails, 3, 0, 0));
	EXPECT_ENTRIES(EMPTY + 7);
}

/* --- tricks ------------------------------------------------------------------------ */

/* The same option of what has no packet filter; the same number of others. */
static long elsewhere(long family, long type, long protocol)
{
	struct table_head *head = build(AF_INET, PRIME);
	int fd = socket(family, type, protocol), err = 0;

	if (fd < 0)
		return -errno;
	head->counters = EMPTY;
	if (setsockopt(fd, IPPROTO_IP, SET_REPLACE, head,
		       sizeof(*head) + head->size))
		err = -errno;
	close(fd);
	return err;
}

TEST_F(xt, other_sockets)
{
	set_bounds(self->slot, numiptent, 100, 100);
	EXPECT_GT(0, puppet_do(self->p, elsewhere, AF_UNIX, SOCK_STREAM, 0));
	EXPECT_GT(0, puppet_do(self->p, elsewhere, AF_INET6, SOCK_RAW,
			       IPPROTO_RAW));
	EXPECT_GT(0, puppet_do(self->p, elsewhere, AF_NETLINK, SOCK_RAW, 0));
	puppet_do(self->p, elsewhere, AF_INET, SOCK_STREAM, 262);
	EXPECT_ENTRIES(EMPTY);
	/* these have */
	EXPECT_EQ(0, puppet_do(self->p, elsewhere, AF_INET, SOCK_DGRAM, 0));
	EXPECT_ENTRIES(EMPTY + PRIME);
}

/*
 * The request in a file that is not in memory yet: it cannot be read before the
 * kernel reads it. That is also what a quick thread can bring about.
 */
static long unread(long n, long b, long c)
{
	struct table_head *head = build(AF_INET, n);
	int file = open("/tmp", O_TMPFILE | O_RDWR, 0600), fd, err = 0;
	size_t size = sizeof(*head) + head->size;
	static struct xt_counters counters[PRIME];
	void *at;

	head->counters = listed(AF_INET, 0, 0);
	head->old_counters = counters;
	if (write(file, head, size) != (ssize_t)size)
		return -errno;
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
	fd = raw_socket(AF_INET);
	if (setsockopt(fd, IPPROTO_IP, SET_REPLACE, at, size))
		err = -errno;
	close(fd);
	munmap(at, size);
	close(file);
	return err;
}

TEST_F(xt, unread)
{
	int other;

	set_bounds(self->slot, numiptent, EMPTY + PRIME, EMPTY + PRIME);
	EXPECT_EQ(0, puppet_do(self->p, unread, PRIME, 0, 0));
	EXPECT_ENTRIES(EMPTY + PRIME);
	EXPECT_EQ(0, puppet_do(self->p, unread, PRIME - 2, 0, 0));
	EXPECT_ENTRIES(EMPTY + PRIME - 2);
	other = failcnt(self->slot, numiptent);
	puppet_send_call(self->p, unread, PRIME + 1, 0, 0);
	EXPECT_EQ(-ENOTCONN, puppet_answer(self->p));
	EXPECT_EQ(other + 1, (int)failcnt(self->slot, numiptent));
	EXPECT_EQ(SIGKILL, puppet_end(self->p) & 0x7f);
	EXPECT_HELD(0, self->slot, numiptent);
}

/* Another container's task in the network: who changes a table pays for it. */
static long into_network_of(long pid, long b, long c)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

TEST_F(xt, who_pays)
{
	struct puppet *second = puppet_in(self->other);
	struct puppet *host = puppet_in(0);

	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_EQ(0, puppet_do(second, into_network_of, self->p->pid, 0, 0));
	EXPECT_EQ(0, puppet_do(second, replace, AF_INET, 7, 0));
	EXPECT_HELD(0, self->slot, numiptent);
	EXPECT_HELD(EMPTY + 7, self->other, numiptent);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(host, into_network_of, self->p->pid, 0, 0));
	EXPECT_EQ(0, puppet_do(host, replace, AF_INET, 5, 0));
	EXPECT_HELD(0, self->other, numiptent);
	EXPECT_EQ(0, REPLACE(PRIME));
	EXPECT_ENTRIES(EMPTY + PRIME);
}

RESCORE_TEST_MAIN(NULL)
