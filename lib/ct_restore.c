// SPDX-License-Identifier: GPL-2.0
/*
 * Go on with a checkpoint. Four processes: the caller answers criu; the builder has
 * a mount namespace with the root file system; criu comes from it, has the new
 * network and cgroup namespaces, and makes the container's processes.
 *
 * criu itself is in the container's cgroup only while it clones the first of them:
 * nearly all else that it opens is the host's. The container is on lease. When CRIU
 * says that everything is there ("post-restore"), it gets its bounds; before CRIU lets
 * go of its processes ("pre-resume") they are frozen; and when criu has ended, and
 * what it had is given back, it gets its counters, the lease ends and they go on. If
 * one of us dies on the way, they wait, and `kill` or `destroy` removes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct_criu.h"

#define SETTLED_MS	100

struct restore {
	struct ct_start s;
	struct rescore *rs;
	const char *dir;
	json_t *saved;
	json_t *before;		/* rows of a container that was there, or NULL */
	char path[PATH_MAX];	/* of criu */
	char home[PATH_MAX];	/* our own cgroup */
	struct ct_criu criu;
};

/* --- the process that becomes criu --------------------------------------------------- */

static int put_pid(const char *cgroup, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return rescore_cgroup_write(cgroup, "cgroup.procs", text);
}

static int its_cgroup(const struct restore *r, char *path)
{
	return rescore_cgroup_path(r->rs, r->s.slot, 0, path, PATH_MAX);
}

/*
 * The network and the cgroup namespace of the new container, and a moment of life in
 * them: one begins at the cgroup that one is in, and nobody gets out of it again.
 */
static void hold_spaces(const struct restore *r, int go)
{
	char path[PATH_MAX], one;
	int err = 0;

	if (!(r->s.shared & CLONE_NEWNET))
		err = unshare(CLONE_NEWNET);
	if (!err && !(r->s.shared & CLONE_NEWCGROUP))
		err = its_cgroup(r, path) ?:
			      put_pid(path, getpid()) ?:
							unshare(CLONE_NEWCGROUP);
	if (!err && write(go, "", 1) == 1)
		(void)!read(go, &one, 1);
	_exit(0);
}

static int join(const struct restore *r, pid_t pid, const char *space, int flag)
{
	char path[64];
	int fd, err = 0;

	if (r->s.shared & (unsigned int)flag)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, space);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, flag) < 0)
		err = rescore_error(-errno, "cannot enter its %s namespace: %s",
				    space, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

static int make_spaces(const struct restore *r)
{
	int go[2], err = 0;
	char one;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(go[0]);
		hold_spaces(r, go[1]);
	}
	close(go[1]);
	if (pid < 0 || read(go[0], &one, 1) != 1)
		err = rescore_error(-EPERM, "cannot make its namespaces");
	if (!err && r->s.net.mode == CT_NET_VETH)
		err = ct_make_veth(&r->s, pid);
	err = err ?: join(r, pid, "net", CLONE_NEWNET);
	err = err ?: join(r, pid, "cgroup", CLONE_NEWCGROUP);
	close(go[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (!err && !(r->s.shared & CLONE_NEWNET))
		err = ct_configure_net(&r->s.net);
	return err;
}

static void add_words(struct restore *r, const char *root)
{
	const char *log = json_string_value(json_object_get(r->saved, "log"));
	struct ct_words *words = &r->criu.words;

	ct_word(words, "--root");
	ct_word(words, "%s", root);
	if (log) {
		ct_word(words, "--inherit-fd");
		ct_word(words, "fd[%d]:%s", r->s.log_fd, log);
		fcntl(r->s.log_fd, F_SETFD, 0);
	}
}

/* The root alone, without what is mounted in it: CRIU does that. */
static int place_root(const struct restore *r, const char *at)
{
	int fd = open(r->s.root, O_PATH | O_DIRECTORY | O_CLOEXEC), target;
	int mount, err;

	if (fd < 0 || mkdir(at, 0755) < 0)
		return rescore_error(-errno, "cannot make %s: %s", at,
				     strerror(errno));
	mount = ct_clone_mount(fd, false, 0, -1);
	close(fd);
	target = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = mount < 0 ? mount : ct_attach_mount(mount, target);
	close(target);
	return err;
}

static int new_places(const char *base)
{
	static const char *const options[] = { "mode=700", NULL };
	int mount, target, err = ct_make_dirs(base);

	if (err)
		return err;
	mount = ct_new_mount("tmpfs", options,
			     MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	target = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = mount < 0 ? mount : ct_attach_mount(mount, target);
	close(target);
	return err;
}

static int build(void *arg)
{
	char base[PATH_MAX], root[PATH_MAX + 16];
	struct restore *r = arg;
	int err;

	if (unshare(CLONE_NEWNS) < 0)
		return rescore_error(-errno,
				     "cannot make a mount namespace: %s",
				     strerror(errno));
	if (r->s.map.count) {
		r->s.userns_fd = ct_make_userns(&r->s.map);
		if (r->s.userns_fd < 0)
			return r->s.userns_fd;
	}
	err = ct_build_root(&r->s);
	if (!err && r->s.net.mode == CT_NET_IP)
		err = ct_restrict_addresses(&r->s);
	ct_path(base, sizeof(base), RESCORE_CT_RUN, r->s.name, "places");
	err = err ?: new_places(base);
	err = err   ?:
		      ct_outside_places(&r->s, base,
					json_object_get(r->saved, "mounts"),
					&r->criu.words);
	snprintf(root, sizeof(root), "%s/root", base);
	err = err ?: place_root(r, root);
	if (err)
		return err;
	add_words(r, root);
	return r->criu.words.err ?: make_spaces(r);
}

/* --- the caller, while criu waits ------------------------------------------------------ */

static int64_t sum_held(const struct restore *r)
{
	const struct rescore_line *line = r->rs->table[r->s.slot].line;
	int64_t sum = 0;
	unsigned int id;

	for (id = 0; id < r->rs->meta->nr_resources; id++)
		if (!(r->rs->registry[id].flags & RESCORE_DELEGATED))
			sum += line[id].held;
	return sum;
}

/*
 * Nothing runs in it now, but what CRIU has closed is given back a little late: so
 * that this refuses nothing, wait until held stands still.
 */
static void let_settle(const struct restore *r)
{
	int64_t end = rescore_now_ms() + DRAIN_MS, since = rescore_now_ms();
	int64_t held = sum_held(r), now;

	while (rescore_now_ms() < end &&
	       rescore_now_ms() - since < SETTLED_MS) {
		rescore_nap();
		now = sum_held(r);
		if (now != held)
			since = rescore_now_ms();
		held = now;
	}
}

static int at(const char *action, pid_t init, pid_t criu, void *arg)
{
	const json_t *rows;
	struct restore *r = arg;
	char path[PATH_MAX];
	int err = 0;

	rows = json_object_get(r->saved, "resources");
	if (!strcmp(action, "pre-restore")) {
		err = its_cgroup(r, path);
		err = err ?: put_pid(path, criu);
	} else if (!strcmp(action, "setup-namespaces")) {
		err = put_pid(r->home, criu);
	} else if (!strcmp(action, "post-restore")) {
		err = ct_limits_apply(r->rs, r->s.slot, rows);
		err = err ?: ct_note_init(r->s.name, init);
	} else {
		err = its_cgroup(r, path);
		err = err ?: rescore_cgroup_write(path, "cgroup.freeze", "1");
	}
	return err;
}

static int find_home(char *path, size_t size)
{
	const char *mount = rescore_cgroup_mount();
	char line[PATH_MAX] = "", *colon;
	FILE *file = fopen("/proc/self/cgroup", "re");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3))
			break;
	if (file)
		fclose(file);
	colon = strchr(line, '/');
	if (!mount || strncmp(line, "0::", 3) || !colon)
		return rescore_error(-EOPNOTSUPP, "we are in no cgroup v2");
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, size, "%s%s", mount, colon);
	return 0;
}

static int run_criu(struct restore *r)
{
	static const char *const actions[] = { "pre-restore",
					       "setup-namespaces",
					       "post-restore", "pre-resume",
					       NULL };
	struct ct_words *words = &r->criu.words;
	int err;

	r->criu = (struct ct_criu){
		.rs = r->rs,
		.slot = r->s.slot,
		.dir = r->dir,
		.log = "restore.log",
		.prepare = build,
		.at = at,
		.actions = actions,
		.arg = r,
	};
	ct_word(words, "%s", r->path);
	ct_word(words, "restore");
	ct_word(words, "--images-dir");
	ct_word(words, "%s", r->dir);
	ct_word(words, "--log-file");
	ct_word(words, "restore.log");
	ct_word(words, "--restore-detached");
	ct_word(words, "--manage-cgroups=ignore");
	ct_word(words, "--file-locks");
	err = words->err ?: ct_criu_run(&r->criu);
	ct_words_free(words);
	return err;
}

static int let_go(struct restore *r)
{
	let_settle(r);
	ct_counters_apply(r->rs, r->s.slot,
			  json_object_get(r->saved, "resources"));
	ct_lease_end(r->rs, r->s.slot);
	return rescore_thaw(r->rs, r->s.slot, DRAIN_MS);
}

/*
 * Delegated bounds are the kernel's own, and no lease lifts them: they stand open
 * until the container's are written.
 */
static int open_knobs(struct restore *r)
{
	struct rescore_bounds bounds[RESCORE_RESOURCES_MAX];
	struct knob_undo *undo;
	unsigned int id, n = 0;
	int err;

	for (id = 0; id < r->rs->meta->nr_resources; id++)
		if (r->rs->registry[id].flags & RESCORE_DELEGATED &&
		    r->rs->table[r->s.slot].line[id].flags & RESCORE_WRITTEN)
			rescore_initial_bounds(&r->rs->registry[id],
					       &bounds[n++]);
	err = rescore_knobs_write(r->rs, r->s.slot, bounds, n, &undo);
	if (!err)
		rescore_knobs_keep(undo);
	return err;
}

/* --- what is stored ---------------------------------------------------------------------- */

static int write_actions(const struct restore *r)
{
	const json_t *actions = json_object_get(r->saved, "actions");
	char path[PATH_MAX];

	ct_path(path, sizeof(path), RESCORE_CT_STORE, r->s.name,
		"actions.json");
	if (json_is_object(actions))
		return ct_write_json(path, actions);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int run(struct restore *r)
{
	int err;

	err = ct_start_open(r->rs, &r->s, 0);
	err = err ?: ct_note_restore(r->s.name);
	err = err ?: open_knobs(r);
	err = err ?: run_criu(r);
	err = err ?: rescore_ct_store(r->s.name, r->s.ct);
	err = err ?: write_actions(r);
	err = err ?: rescore_ct_remember(r->rs, r->s.slot);
	err = err ?: let_go(r);
	if (!err)
		ct_forget_restore(r->s.name);
	return err;
}

/* Its place in the tree, which it had. A slot or -errno. */
static int find_parent(const struct restore *r)
{
	const char *name =
		json_string_value(json_object_get(r->saved, "parent"));
	int slot;

	if (!name)
		return 0;
	slot = rescore_find(r->rs, name);
	return slot < 0 ?
		       rescore_error(slot,
				     "it was below \"%s\", which does not exist",
				     name) :
		       slot;
}

/* Config and ids of the checkpoint, not those of the container that is there. */
static int read_saved(struct restore *r)
{
	char path[PATH_MAX];
	struct rescore_ct *ct;
	const char *map;
	int err;

	snprintf(path, sizeof(path), "%s/" CT_SAVED, r->dir);
	err = ct_read_json(path, &r->saved);
	if (err == -ENOENT)
		return rescore_error(err, "\"%s\" has no checkpoint: no %s",
				     r->dir, path);
	err = err   ?:
		      ct_config_parse(path, json_object_get(r->saved, "config"),
				      &ct);
	if (err)
		return err;
	r->s.ct = ct;
	err = ct_start_parse(&r->s);
	map = json_string_value(json_object_get(r->saved, "userns"));
	return err ?: ct_parse_userns(map ?: "host", r->s.slot, &r->s.map);
}

static int restore_into(struct restore *r, int parent)
{
	const struct rescore_container *c = &r->rs->containers[r->s.slot];
	unsigned int before = c->parent;
	char *why, store[PATH_MAX];
	int err;

	ct_path(store, sizeof(store), RESCORE_CT_STORE, r->s.name, NULL);
	err = ct_make_dirs(store);
	err = err ?: ct_start_lock(&r->s);
	err = err ?: ct_check_idle(r->rs, &r->s);
	err = err ?: ct_recover(r->rs, &r->s);
	if (!err && before != (unsigned int)parent)
		err = rescore_set_parent(r->rs, r->s.slot,
					 (unsigned int)parent);
	if (!err) {
		r->before = ct_limits_json(r->rs, r->s.slot, true);
		err = run(r);
		if (err) {
			why = strdup(rescore_strerror());
			/* as it was: no process, its own bounds and place */
			ct_stopped(r->rs, r->s.slot);
			rescore_thaw(r->rs, r->s.slot, DRAIN_MS);
			ct_lease_end(r->rs, r->s.slot);
			ct_limits_apply(r->rs, r->s.slot, r->before);
			ct_counters_apply(r->rs, r->s.slot, r->before);
			rescore_set_parent(r->rs, r->s.slot, before);
			ct_forget_restore(r->s.name);
			rescore_error_again(err, why);
		}
		json_decref(r->before);
	}
	return err;
}

int rescore_ct_restore(struct rescore *rs, const char *name, const char *dir)
{
	struct restore r = { .rs = rs,
			     .dir = dir,
			     .s = { .cgroup_fd = -1,
				    .log_fd = -1,
				    .lock_fd = -1,
				    .userns_fd = -1,
				    .name = name } };
	int parent = 0, slot, err;
	bool made = false, stored = rescore_ct_remembered(name);
	char *why;

	err = rescore_check_name(name);
	err = err ?: ct_criu_find(r.path, sizeof(r.path));
	err = err ?: find_home(r.home, sizeof(r.home));
	err = err ?: read_saved(&r);
	if (!err)
		err = parent = find_parent(&r);
	if (err < 0)
		goto out;
	slot = rescore_find(rs, name);
	if (slot < 0) {
		slot = rescore_create_below(rs, name, NULL,
					    (unsigned int)parent);
		made = slot > 0;
	}
	err = slot;
	if (slot < 0)
		goto out;
	r.s.slot = (unsigned int)slot;
	err = restore_into(&r, parent);
	if (err && made) {
		why = strdup(rescore_strerror());
		rescore_destroy(rs, r.s.slot, true);
		if (!stored)
			rescore_ct_forget(name);
		rescore_error_again(err, why);
	}
	err = err ?: slot;
out:
	ct_start_end(&r.s);
	json_decref(r.saved);
	return err;
}
