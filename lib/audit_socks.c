// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "audit_socks.h"
#include "netns.h"

struct socks {
	struct rescore_sock *all;
	size_t n;
};

static int append(struct socks *socks, const char *program)
{
	struct rescore_sock *part, *more;
	ssize_t size = rescore_run_iter(program, (void **)&part);

	if (size < 0)
		return size;
	more = realloc(socks->all, socks->n * sizeof(*more) + size + 1);
	if (!more) {
		free(part);
		return rescore_error(-ENOMEM, "out of memory");
	}
	memcpy(more + socks->n, part, size);
	free(part);
	socks->all = more;
	socks->n += size / sizeof(*more);
	return 0;
}

/* What the kernel lists of the namespace that the calling thread is in. */
static int append_namespace(void *arg)
{
	struct socks *socks = arg;
	static const char *const programs[] = {
		"numtcpsock__audit_tcp",
		"numtcpsock__audit_udp",
		"numtcpsock__audit_unix",
		"numtcpsock__audit_netlink",
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(programs); i++)
		err = append(socks, programs[i]);
	return err;
}

/* --- every network namespace that a process is in -------------------------------- */

static int append_namespaces(struct socks *socks)
{
	struct dirent *process;
	struct netns ns;
	DIR *proc;
	int err, end;

	err = netns_begin(&ns);
	if (err)
		return err;
	proc = opendir("/proc");
	while (!err && proc && (process = readdir(proc)))
		if (isdigit((unsigned char)process->d_name[0]))
			err = netns_visit(&ns, process->d_name,
					  append_namespace, socks);
	if (proc)
		closedir(proc);
	end = netns_end(&ns);
	return err ?: end;
}

/* --- the list -------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct rescore_sock *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

int rescore_find_socks(struct rescore_sock **ret_socks, size_t *ret_n)
{
	struct socks socks = {};
	size_t i, n = 0;
	int err;

	err = append(&socks, "numtcpsock__audit_fd");
	err = err ?: append_namespaces(&socks);
	if (err) {
		free(socks.all);
		return err;
	}
	for (i = 0; i < socks.n; i++)
		socks.all[i].address &= RESCORE_ADDRESS_MASK;
	qsort(socks.all, socks.n, sizeof(*socks.all), compare);
	for (i = 0; i < socks.n; i++)
		if (!n || socks.all[i].address != socks.all[n - 1].address)
			socks.all[n++] = socks.all[i];
	*ret_socks = socks.all;
	*ret_n = n;
	return 0;
}

bool rescore_has_sock(const struct rescore_sock *socks, size_t n,
		      uint64_t address)
{
	const struct rescore_sock wanted = { .address = address };

	return bsearch(&wanted, socks, n, sizeof(*socks), compare);
}

/* As numtcpsock__audit_live answers. */
struct live {
	uint64_t address;
	uint64_t references;
	int64_t queued;
	int64_t wmem;
	int64_t rmem;
	uint64_t unseen;
};

static bool ask(uint64_t address, struct live *ret_live)
{
	*ret_live = (struct live){ .address = address };
	return rescore_run_syscall("numtcpsock__audit_live", ret_live,
				   sizeof(*ret_live)) == 0 &&
	       ret_live->references;
}

bool rescore_sock_lives(uint64_t address)
{
	struct live live;

	return ask(address, &live);
}

/* --- buffers ----------------------------------------------------------------------- */

static const struct {
	const char *resource;
	uint32_t kind;
	size_t offset;
} buffers[] = {
	{ "tcpsndbuf", RESCORE_OBJ_SOCK, offsetof(struct live, queued) },
	{ "tcprcvbuf", RESCORE_OBJ_SOCK, offsetof(struct live, rmem) },
	{ "othersockbuf", RESCORE_OBJ_OTHERSOCK, offsetof(struct live, wmem) },
	{ "dgramrcvbuf", RESCORE_OBJ_OTHERSOCK, offsetof(struct live, rmem) },
};

int rescore_buffer_find(const char *resource, uint32_t *ret_kind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(buffers); i++)
		if (!strcmp(buffers[i].resource, resource)) {
			*ret_kind = buffers[i].kind;
			return i;
		}
	return -ENOENT;
}

void rescore_buffer_add(int buffer, uint64_t address,
			struct rescore_buffer_sum *sum)
{
	struct live live;
	int64_t bytes;

	if (!ask(address, &live))
		return;
	bytes = *(int64_t *)((char *)&live + buffers[buffer].offset);
	sum->socks++;
	sum->high += bytes;
	if (!live.unseen)
		sum->low += bytes;
}
