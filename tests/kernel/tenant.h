/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tenant is a puppet that was born in its container, so that its memory is
 * charged (that of a process which was moved is not, before it executes
 * something); and what /proc says that all processes of a container hold.
 */
#ifndef RESCORE_TENANT_H
#define RESCORE_TENANT_H

#include <dirent.h>
#include <linux/kcmp.h>

#include "puppet.h"

/* --- a puppet that pays ---------------------------------------------------------- */

/* Runs in a child: enter @slot and leave a puppet there. */
static inline void tenant_leave(int slot, int from, int to, int tell)
{
	pid_t pid;

	if (move_to(getpid(), slot))
		_exit(1);
	pid = fork();
	if (!pid) {
		close(tell);
		puppet_play(from, to);
	}
	_exit(write(tell, &pid, sizeof(pid)) != sizeof(pid) || pid < 0);
}

static inline struct puppet *tenant_in(int slot)
{
	int down[2], up[2], tell[2], status;
	struct puppet *p = puppets;
	pid_t pid;

	while (p->pid)
		if (++p == puppets + PUPPETS_MAX)
			ksft_exit_fail_msg("too many puppets\n");
	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC) ||
	    pipe2(tell, O_CLOEXEC))
		ksft_exit_fail_perror("pipe");
	pid = fork();
	if (!pid)
		tenant_leave(slot, down[0], up[1], tell[1]);
	close(down[0]);
	close(up[1]);
	close(tell[1]);
	if (pid < 0 || read(tell[0], &p->pid, sizeof(p->pid)) < 1 ||
	    p->pid < 0 || waitpid(pid, &status, 0) != pid || status)
		ksft_exit_fail_msg("cannot make a tenant\n");
	close(tell[0]);
	p->to = down[1];
	p->from = up[0];
	return p;
}

/* --- what /proc says ---------------------------------------------------------------- */

/* The sum of these fields of /proc/@pid/status, in pages; 0: it is gone. */
static inline int64_t status_pages(pid_t pid, const char *a, const char *b)
{
	FILE *file = fopen(text("/proc/%d/status", pid), "re");
	int64_t sum = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, a, strlen(a)) ||
		    (b && !strncmp(line, b, strlen(b))))
			sum += strtoll(strchr(line, ':') + 1, NULL, 10);
	if (file)
		fclose(file);
	return sum / 4;
}

static inline int64_t private_of(pid_t pid)
{
	return status_pages(pid, "VmData:", "VmStk:");
}

static inline int64_t locked_of(pid_t pid)
{
	return status_pages(pid, "VmLck:", NULL);
}

/* The same as private_of(), mapping by mapping: writable and private, or a stack. */
static inline int64_t smaps_of(pid_t pid)
{
	FILE *file = fopen(text("/proc/%d/smaps", pid), "re");
	int64_t sum = 0, size = 0;
	char line[512], rights[8];
	bool counts = false;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*x-%*x %7s", rights) == 1)
			counts = rights[1] == 'w' && rights[3] == 'p';
		else if (!strncmp(line, "Size:", 5))
			size = strtoll(line + 5, NULL, 10);
		else if (!strncmp(line, "VmFlags:", 8))
			sum += counts || strstr(line, " gd ") ? size : 0;
	}
	if (file)
		fclose(file);
	return sum / 4;
}

#define PIDS_MAX 256

/* Do they share their memory? */
static inline bool same_memory(pid_t a, pid_t b)
{
	return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

/* Processes in the cgroup at @path and below. */
static inline int pids_at(const char *path, pid_t *pids, int n)
{
	FILE *file = fopen(text("%s/cgroup.procs", path), "re");
	struct dirent *entry;
	DIR *dir;

	while (file && n < PIDS_MAX && fscanf(file, "%d", &pids[n]) == 1)
		n++;
	if (file)
		fclose(file);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			n = pids_at(text("%s/%s", path, entry->d_name), pids,
				    n);
	if (dir)
		closedir(dir);
	return n;
}

/* Pages of all address spaces in container @slot, each of them once. */
static inline int64_t truth(int slot, int64_t (*pages_of)(pid_t pid))
{
	char path[PATH_MAX];
	pid_t pids[PIDS_MAX];
	int64_t sum = 0;
	int n, i, j;

	snprintf(path, sizeof(path), "%s", path_of(slot));
	n = pids_at(path, pids, 0);
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++)
			if (same_memory(pids[i], pids[j]))
				break;
		if (j == i)
			sum += pages_of(pids[i]);
	}
	return sum;
}

static inline int64_t true_private(int slot)
{
	return truth(slot, private_of);
}

static inline int64_t true_locked(int slot)
{
	return truth(slot, locked_of);
}

#define EXPECT_EXACT(slot) do {						\
	EXPECT_EQ(true_private(slot), held(slot, privvmpages));		\
	EXPECT_EQ(truth(slot, smaps_of), held(slot, privvmpages));	\
} while (0)

static int privvmpages, lockedpages;

static inline void find_memory_rows(void)
{
	privvmpages = rescore_find_resource(rs, "privvmpages");
	lockedpages = rescore_find_resource(rs, "lockedpages");
}

/* --- what tenants do ---------------------------------------------------------------- */

#define PAGE 4096L

/* Map @pages somewhere. The address, or -errno. */
static inline long map(long pages, long prot, long flags)
{
	return result((long)mmap(NULL, pages * PAGE, prot, flags, -1, 0));
}

static inline long unmap(long address, long pages, long c)
{
	return result(munmap((void *)address, pages * PAGE));
}

static inline long protect(long address, long pages, long prot)
{
	return result(mprotect((void *)address, pages * PAGE, prot));
}

/* Make the mapping at @address @to pages long, wherever. */
static inline long resize(long address, long from, long to)
{
	return result((long)mremap((void *)address, from * PAGE, to * PAGE,
				   MREMAP_MAYMOVE));
}

/* Move the end of the heap by @pages. 0 or -ENOMEM. */
static inline long brk_by(long pages, long b, long c)
{
	long now = syscall(SYS_brk, 0), want = now + pages * PAGE;

	return syscall(SYS_brk, want) == want ? 0 : -ENOMEM;
}

#define RW	(PROT_READ | PROT_WRITE)
#define PRIVATE	(MAP_PRIVATE | MAP_ANONYMOUS)

#endif /* RESCORE_TENANT_H */
