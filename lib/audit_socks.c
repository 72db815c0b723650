// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
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
		"sockets__audit_tcp",
		"sockets__audit_udp",
		"sockets__audit_unix",
		"sockets__audit_netlink",
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

	err = append(&socks, "sockets__audit_fd");
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
	/* as sockets__audit_live wants it */
	struct {
		uint64_t address;
		uint64_t references;
	} request = { .address = address };

	return rescore_run_syscall("sockets__audit_live", &request,
				   sizeof(request)) == 0 &&
	       request.references;
}
