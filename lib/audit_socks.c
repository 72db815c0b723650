// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_socks.h"

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
static int append_namespace(struct socks *socks)
{
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

struct seen {
	ino_t *inode;
	size_t n;
};

static bool is_new(struct seen *seen, ino_t inode)
{
	ino_t *more;
	size_t i;

	for (i = 0; i < seen->n; i++)
		if (seen->inode[i] == inode)
			return false;
	more = realloc(seen->inode, (seen->n + 1) * sizeof(*more));
	if (!more)
		return false;
	more[seen->n++] = inode;
	seen->inode = more;
	return true;
}

static int append_of_process(struct socks *socks, struct seen *seen,
			     const char *pid)
{
	char path[300];
	struct stat st;
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;	/* gone meanwhile */
	if (!fstat(fd, &st) && is_new(seen, st.st_ino)) {
		if (setns(fd, CLONE_NEWNET))
			err = rescore_error(-errno, "cannot enter %s: %s", path,
					    strerror(errno));
		else
			err = append_namespace(socks);
	}
	close(fd);
	return err;
}

static int append_namespaces(struct socks *socks)
{
	int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct seen seen = {};
	struct dirent *process;
	DIR *proc;
	int err = 0;

	if (own < 0)
		return rescore_error(-errno, "no network namespaces: %s",
				     strerror(errno));
	proc = opendir("/proc");
	while (!err && proc && (process = readdir(proc)))
		if (isdigit((unsigned char)process->d_name[0]))
			err = append_of_process(socks, &seen, process->d_name);
	if (proc)
		closedir(proc);
	if (setns(own, CLONE_NEWNET) && !err)
		err = rescore_error(-errno,
				    "cannot return to the own network: %s",
				    strerror(errno));
	close(own);
	free(seen.inode);
	return err;
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
