// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint a container. CRIU stops its processes and writes them; while they stand
 * still its rows are read, and only when those are on disk, too, do the processes
 * end or go on. Before that any failure lets them go on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct_criu.h"

struct checkpoint {
	struct ct_start s;
	struct rescore *rs;
	const char *dir;
	pid_t init;
	json_t *saved;
	json_t *before;		/* its rows before criu came */
	int net, cgroup;	/* its namespaces */
};

/* --- what cannot be done ----------------------------------------------------------- */

static pid_t parent_of(pid_t pid)
{
	char line[1024];
	const char *after = ct_stat_after_name(pid, line, sizeof(line));
	int parent = 0;

	if (!after || sscanf(after, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* CRIU sees a tree. What was entered from outside is in none of its branches. */
static int check_tree(const char *cgroup, void *arg)
{
	const pid_t init = *(pid_t *)arg;
	char path[PATH_MAX + 16];
	int pid, above, err = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "re");
	while (!err && file && fscanf(file, "%d", &pid) == 1) {
		for (above = pid; above > 1 && above != init;)
			above = parent_of(above);
		if (above != init && kill(pid, 0) == 0)
			err = rescore_error(
				-EOPNOTSUPP,
				"process %d was entered from outside (exec, enter): CRIU cannot save it",
				pid);
	}
	if (file)
		fclose(file);
	return err;
}

static int check_possible(struct checkpoint *c)
{
	struct rescore_ct_status status;
	int err;

	err = rescore_ct_status(c->rs, c->s.slot, &status);
	if (err)
		return err;
	if (status.state == RESCORE_CT_FROZEN)
		return rescore_error(-EBUSY, "\"%s\" is frozen: thaw it first",
				     c->s.name);
	if (status.state != RESCORE_CT_RUNNING)
		return rescore_error(-ESRCH, "\"%s\" does not run", c->s.name);
	c->init = status.init;
	if (ct_is(c->s.ct, CT_UPPER, "tmpfs"))
		return rescore_error(
			-EOPNOTSUPP,
			"upper \"tmpfs\": CRIU cannot save changes that are in memory");
	/* its root is nobody outside, and the images are root's */
	if (c->s.map.count)
		return rescore_error(
			-EOPNOTSUPP,
			"userns \"%s\": CRIU cannot restore one whose users are mapped",
			ct_first(c->s.ct, CT_USERNS));
	if (c->s.shared & CLONE_NEWPID)
		return rescore_error(
			-EOPNOTSUPP,
			"share \"pid\": its process ids may be taken when it is restored");
	return rescore_for_each_cgroup(c->rs, c->s.slot, check_tree, &c->init);
}

/* --- the folder ---------------------------------------------------------------------- */

static bool is_image(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && !strcmp(name + length - 4, ".img");
}

/* Calls @fn, if any, for each image in @dir; how many there are, or -errno. */
static int each_image(const char *dir,
		      int (*fn)(int fd, const char *name, int flags))
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	int fd, n = 0;

	if (!folder)
		return rescore_error(-errno, "cannot open \"%s\": %s", dir,
				     strerror(errno));
	fd = dirfd(folder);
	while ((entry = readdir(folder))) {
		if (!is_image(entry->d_name) && strcmp(entry->d_name, CT_SAVED))
			continue;
		n++;
		if (fn && fd >= 0)
			fn(fd, entry->d_name, 0);
	}
	closedir(folder);
	return n;
}

static int make_folder(const char *dir)
{
	int n;

	/* images have all that was in memory */
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return rescore_error(-errno, "cannot make \"%s\": %s", dir,
				     strerror(errno));
	n = each_image(dir, NULL);
	return n > 0 ? rescore_error(-EEXIST, "\"%s\" has a checkpoint already",
				     dir) :
		       n;
}

/* --- what is saved ------------------------------------------------------------------- */

static json_t *read_actions(const char *name)
{
	char path[PATH_MAX];

	ct_path(path, sizeof(path), RESCORE_CT_STORE, name, "actions.json");
	return json_load_file(path, 0, NULL) ?: json_null();
}

/* Its log is a file of the host's: named as CRIU names it, and given anew. */
static json_t *name_of_log(const struct checkpoint *c)
{
	char path[PATH_MAX], line[128];
	unsigned int mount = 0;
	struct stat st;
	FILE *file;

	ct_path(path, sizeof(path), RESCORE_CT_STORE, c->s.name, "log");
	if (stat(path, &st) < 0)
		return json_null();
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/1", c->init);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "mnt_id: %u", &mount) == 1)
			break;
	if (file)
		fclose(file);
	return json_sprintf("file[%x:%llx]", mount,
			    (unsigned long long)st.st_ino);
}

static int collect(struct checkpoint *c)
{
	const struct rescore_container *container, *parent;
	json_t *mounts = NULL;
	char map[64];
	int err;

	err = ct_outside_mounts(&c->s, c->init, &mounts);
	if (err)
		return err;
	container = rescore_container(c->rs, c->s.slot);
	parent = rescore_container(c->rs, container->parent);
	snprintf(map, sizeof(map), "%u:%u:%u", c->s.map.inside,
		 c->s.map.outside, c->s.map.count);
	c->saved = json_pack(
		"{s:i, s:s, s:s?, s:s, s:o, s:o, s:o, s:o}", "version",
		RESCORE_CT_VERSION, "name", c->s.name, "parent",
		parent ? parent->name : NULL, "userns",
		c->s.map.count ? map : "host", "config",
		ct_config_json(c->s.ct), "actions", read_actions(c->s.name),
		"log", name_of_log(c), "mounts", mounts);
	return c->saved ? 0 : rescore_error(-ENOMEM, "out of memory");
}

/*
 * First CRIU has not begun. Then its processes stand still and nothing of CRIU's is
 * among them any more: what it needed in them was no peak of theirs.
 */
static int save(const char *action, pid_t init, pid_t criu, void *arg)
{
	struct checkpoint *c = arg;
	char path[PATH_MAX];
	int err;

	(void)init;
	(void)criu;
	err = rescore_refresh(c->rs);
	if (err)
		return err;
	if (!strcmp(action, "pre-dump")) {
		c->before = ct_limits_json(c->rs, c->s.slot, true);
		return 0;
	}
	ct_counters_apply(c->rs, c->s.slot, c->before);
	json_object_set_new(c->saved, "resources",
			    ct_limits_json(c->rs, c->s.slot, true));
	snprintf(path, sizeof(path), "%s/" CT_SAVED, c->dir);
	return ct_write_json(path, c->saved);
}

/* --- criu --------------------------------------------------------------------------- */

static int join(void *arg)
{
	const struct checkpoint *c = arg;

	if (setns(c->net, CLONE_NEWNET) < 0 ||
	    setns(c->cgroup, CLONE_NEWCGROUP) < 0)
		return rescore_error(-errno, "cannot join its namespaces: %s",
				     strerror(errno));
	return 0;
}

static int open_space(const struct checkpoint *c, const char *space)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", c->init, space);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void add_words(const struct checkpoint *c, const char *criu, bool go_on,
		      struct ct_words *words)
{
	const json_t *log = json_object_get(c->saved, "log");
	const char *at;
	json_t *mount;
	size_t i;

	ct_word(words, "%s", criu);
	ct_word(words, "dump");
	ct_word(words, "--tree");
	ct_word(words, "%d", c->init);
	ct_word(words, "--images-dir");
	ct_word(words, "%s", c->dir);
	ct_word(words, "--log-file");
	ct_word(words, "dump.log");
	ct_word(words, "--manage-cgroups=ignore");
	ct_word(words, "--file-locks");
	if (go_on)
		ct_word(words, "--leave-running");
	if (json_is_string(log)) {
		ct_word(words, "--external");
		ct_word(words, "%s", json_string_value(log));
	}
	json_array_foreach(json_object_get(c->saved, "mounts"), i, mount) {
		at = json_string_value(json_object_get(mount, "at"));
		ct_word(words, "--external");
		ct_word(words, "mnt[%s]:%s", at, at);
	}
}

static int dump(struct checkpoint *c, bool go_on)
{
	static const char *const actions[] = { "pre-dump", "post-dump", NULL };
	struct ct_criu criu = {
		.rs = c->rs,
		.slot = c->s.slot,
		.dir = c->dir,
		.log = "dump.log",
		.prepare = join,
		.at = save,
		.actions = actions,
		.arg = c,
	};
	char path[PATH_MAX];
	int err = ct_criu_find(path, sizeof(path));

	err = err ?: collect(c);
	if (err)
		return err;
	c->net = open_space(c, "net");
	c->cgroup = open_space(c, "cgroup");
	if (c->net < 0 || c->cgroup < 0) {
		err = rescore_error(-ESRCH, "\"%s\" has just ended", c->s.name);
	} else {
		add_words(c, path, go_on, &criu.words);
		err = ct_criu_run(&criu);
		ct_lease_end(c->rs, c->s.slot);
	}
	ct_words_free(&criu.words);
	if (c->net >= 0)
		close(c->net);
	if (c->cgroup >= 0)
		close(c->cgroup);
	return err;
}

int rescore_ct_checkpoint(struct rescore *rs, unsigned int slot,
			  const char *dir, bool go_on)
{
	struct checkpoint c = { .rs = rs, .dir = dir };
	int err;

	err = ct_start_begin(rs, slot, &c.s);
	if (err)
		return err;
	err = ct_start_parse(&c.s);
	err = err ?: check_possible(&c);
	err = err ?: make_folder(dir);
	if (!err) {
		err = dump(&c, go_on);
		if (err)
			each_image(dir, unlinkat);
		else if (!go_on)
			err = ct_stopped(rs, slot);
	}
	json_decref(c.saved);
	json_decref(c.before);
	ct_start_end(&c.s);
	return err;
}
