// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

bool rescore_sock_lives(uint64_t address)
{
	struct {
		uint64_t address;
		uint64_t references;
	} request = { .address = address };

	return rescore_run_syscall("numtcpsock__audit_live", &request,
				   sizeof(request)) == 0 &&
	       request.references;
}
