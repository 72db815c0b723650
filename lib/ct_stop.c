// SPDX-License-Identifier: GPL-2.0
/* Stop, freeze and thaw: by the cgroup, so that limits that are reached matter not. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"

static int wait_gone(struct rescore *rs, unsigned int slot)
{
	int64_t end = rescore_now_ms() + 10000;
	int n;

	while ((n = rescore_nr_processes(rs, slot)) > 0) {
		if (rescore_now_ms() > end)
			return rescore_error(-ETIMEDOUT,
					     "%d processes do not die", n);
		rescore_nap();
	}
	return n;
}

int ct_stopped(struct rescore *rs, unsigned int slot)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	int fd, err = rescore_check_slot(rs, slot);

	if (err)
		return err;
	fd = ct_init_pidfd(c->name, NULL);
	/* with its pid namespace all are gone; not if that was shared */
	err = rescore_kill(rs, slot, SIGKILL);
	err = err < 0 ? err : wait_gone(rs, slot);
	/* who started it may be the one that orphans are given to */
	if (fd >= 0) {
		waitid(P_PIDFD, (id_t)fd, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
		close(fd);
	}
	if (err < 0)
		return err;
	ct_forget_init(c->name);
	return 0;
}

int rescore_ct_stop(struct rescore *rs, unsigned int slot, int sig,
		    int timeout_ms)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	struct pollfd wait = { .events = POLLIN };
	int err, killed = 0;

	if (!c)
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	wait.fd = ct_init_pidfd(c->name, NULL);
	if (wait.fd < 0)
		return rescore_error(-ESRCH, "\"%s\" does not run", c->name);
	if (syscall(SYS_pidfd_send_signal, wait.fd, sig, NULL, 0) < 0 &&
	    errno != ESRCH) {
		err = -errno;
		close(wait.fd);
		return rescore_error(err, "cannot send signal %d: %s", sig,
				     strerror(-err));
	}
	if (poll(&wait, 1, timeout_ms) <= 0)
		killed = 1;
	close(wait.fd);
	err = ct_stopped(rs, slot);
	return err ?: killed;
}

struct freeze {
	const char *text;	/* "1" or "0" */
	bool all;
};

static int write_freeze(const char *path, void *arg)
{
	return rescore_cgroup_write(path, "cgroup.freeze",
				    ((struct freeze *)arg)->text);
}

static int look(const char *path, void *arg)
{
	struct freeze *freeze = arg;
	char name[PATH_MAX + 16], line[64], want[16];
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "%s/cgroup.events", path);
	snprintf(want, sizeof(want), "frozen %s\n", freeze->text);
	file = fopen(name, "re");
	while (file && fgets(line, sizeof(line), file))
		found |= !strcmp(line, want);
	if (file)
		fclose(file);
	freeze->all &= found;
	return 0;
}

static int set_frozen(struct rescore *rs, unsigned int slot, const char *text,
		      int timeout_ms)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	int64_t end = rescore_now_ms() + timeout_ms;
	struct freeze freeze = { .text = text };
	int err;

	if (!c)
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	err = rescore_for_each_cgroup(rs, slot, write_freeze, &freeze);
	while (!err) {
		freeze.all = true;
		err = rescore_for_each_cgroup(rs, slot, look, &freeze);
		if (err || freeze.all)
			return err;
		if (rescore_now_ms() > end)
			return -ETIMEDOUT;
		rescore_nap();
	}
	return err;
}

int ct_thaw_empty(struct rescore *rs, unsigned int slot)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	int err;

	/* a process that is cloned into a frozen cgroup never begins */
	if (!ct_is_frozen(rs, slot))
		return 0;
	err = set_frozen(rs, slot, "0", 1000);
	if (err != -ETIMEDOUT)
		return err;
	return rescore_error(-EBUSY,
			     "a cgroup above \"%s\" is frozen: thaw it first",
			     c->name);
}

int rescore_freeze(struct rescore *rs, unsigned int slot, int timeout_ms)
{
	struct freeze thaw = { .text = "0" };
	int err = set_frozen(rs, slot, "1", timeout_ms);

	if (err != -ETIMEDOUT)
		return err;
	rescore_for_each_cgroup(rs, slot, write_freeze, &thaw);
	return rescore_error(err, "not all processes stopped in time: thawed");
}

int rescore_thaw(struct rescore *rs, unsigned int slot, int timeout_ms)
{
	int err = set_frozen(rs, slot, "0", timeout_ms);

	return err == -ETIMEDOUT ?
		       rescore_error(
			       err,
			       "it is still frozen: is a cgroup above it?") :
		       err;
}
