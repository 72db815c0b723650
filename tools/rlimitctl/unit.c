// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replace.h"
#include "rescore_ct.h"
#include "rlimitctl.h"
#include "unit.h"

#define UNITS		"/etc/systemd/system"
#define DROP_IN		"50-rescore.conf"
/* The first line of a file of ours: what is read again. */
#define FIRST_LINE	"# rlimitctl attach %s --unit %s\n"
#define FIRST_LINE_READ	"# rlimitctl attach %63s --unit %255s"

_Static_assert(RESCORE_NAME_LEN == 64, "a name as FIRST_LINE_READ reads it");

/* As sd_booted(3) does it. */
bool systemd_runs(void)
{
	return access("/run/systemd/system/", F_OK) == 0;
}

/* --- systemctl ---------------------------------------------------------------------- */

/* Into @out, of @size, what there is to read, to its end. */
static void read_all(int fd, char *out, size_t size)
{
	char rest[512];
	size_t n = 0;
	ssize_t got;

	while ((got = n < size - 1 ? read(fd, out + n, size - 1 - n) :
				     read(fd, rest, sizeof(rest))) > 0)
		if (n < size - 1)
			n += (size_t)got;
	out[n] = '\0';
}

/* All that it prints is @out, of @size. A status. */
static int systemctl(char *const *argv, char *out, size_t size)
{
	posix_spawn_file_actions_t actions;
	int fds[2], status = -1, err;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return fail("cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 2);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (!err)
		read_all(fds[0], out, size);
	close(fds[0]);
	if (err)
		return fail("cannot run %s: %s", argv[0], strerror(err));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!status)
		return 0;
	out[strcspn(out, "\n")] = '\0';
	return fail("`%s %s`: %s", argv[0], argv[1], *out ? out : "it failed");
}

static int reload(void)
{
	char *argv[] = { "systemctl", "daemon-reload", NULL }, text[512];

	return systemctl(argv, text, sizeof(text));
}

/* The value in line "@key=VALUE" of @text into @ret; "" if there is none. */
static void property(const char *text, const char *key, char *ret, size_t size)
{
	size_t length = strlen(key), n;

	*ret = '\0';
	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, key, length) || text[length] != '=')
			continue;
		text += length + 1;
		n = strcspn(text, "\n");
		if (n < size)
			snprintf(ret, n + 1, "%s", text);
		return;
	}
}

/* As systemd has it: unit names have these characters and no other. */
static bool is_name(const char *word)
{
	const char *c;

	for (c = word; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(":-_.\\@", *c))
			return false;
	return *word && *word != '-' && strlen(word) < UNIT_NAME_MAX - 8;
}

/* A template, as foo@.service: its instances have cgroups, it has none. */
static int find_template(char *name, struct unit *ret)
{
	char *argv[] = { "systemctl", "cat", "--", name, NULL };
	char text[PATH_MAX];

	*ret = (struct unit){ .state = "loaded" };
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return systemctl(argv, text, sizeof(text));
}

int unit_find(const char *word, struct unit *ret)
{
	char name[UNIT_NAME_MAX], text[2 * PATH_MAX] = "";
	char *argv[] = {
		"systemctl", "show", "--property=Id,LoadState,ControlGroup",
		"--",	     name,   NULL
	};
	char below[PATH_MAX];
	int status;

	if (!is_name(word))
		return fail("\"%s\" is no unit", word);
	snprintf(name, sizeof(name), "%s%s", word,
		 strchr(word, '.') ? "" : ".service");
	if (strstr(name, "@."))
		return find_template(name, ret);
	status = systemctl(argv, text, sizeof(text));
	if (status)
		return status;
	property(text, "Id", ret->name, sizeof(ret->name));
	property(text, "LoadState", ret->state, sizeof(ret->state));
	property(text, "ControlGroup", below, sizeof(below));
	if (!*ret->name)
		snprintf(ret->name, sizeof(ret->name), "%s", name);
	/* as --cgroup takes it: below the mount */
	snprintf(ret->cgroup, sizeof(ret->cgroup), "%s", below + !!*below);
	return 0;
}

/* --- files of ours ------------------------------------------------------------------ */

static void drop_in_path(const char *unit, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%s.d/%s", UNITS, unit, DROP_IN);
}

/* Whom the file @path is for, and which unit. Is it one of ours? */
static bool read_drop_in(const char *path, char *container, char *unit)
{
	FILE *file = fopen(path, "re");
	bool ours = file && fscanf(file, FIRST_LINE_READ, container, unit) == 2;

	if (file)
		fclose(file);
	return ours;
}

int unit_check_loaded(const struct unit *unit)
{
	if (strcmp(unit->state, "loaded") == 0)
		return 0;
	return fail("unit \"%s\" is %s", unit->name,
		    *unit->state ? unit->state : "unknown");
}

int unit_check_keep(const struct unit *unit, const char *container)
{
	char path[PATH_MAX], other[RESCORE_NAME_LEN], name[UNIT_NAME_MAX];
	const char *type = strrchr(unit->name, '.');

	if (!type || strcmp(type, ".service") != 0)
		return fail("\"%s\" is no service: only those are attached each "
			    "time that they start; --runtime attaches it until "
			    "it is stopped",
			    unit->name);
	if (!rescore_ct_remembered(container))
		return fail("\"%s\" is not stored, and the service would not "
			    "start after a reboot: --runtime attaches it until "
			    "it is stopped",
			    container);
	drop_in_path(unit->name, path, sizeof(path));
	if (read_drop_in(path, other, name) && strcmp(other, container) != 0)
		return fail("\"%s\" is attached to \"%s\" each time that it "
			    "starts: rlimitctl detach %s --unit %s",
			    unit->name, other, other, unit->name);
	return 0;
}

/* 0 or -errno. */
static int write_drop_in(const char *path, const char *program,
			 const char *container, const char *unit)
{
	char *text;
	int err;

	if (asprintf(&text,
		     FIRST_LINE
		     "# Each start makes a cgroup anew. This puts it under the limits.\n"
		     "[Unit]\n"
		     "Wants=rescore.service\n"
		     "After=rescore.service\n"
		     "\n"
		     "[Service]\n"
		     "ExecStartPre=+%s attach %s --unit %%n --runtime\n",
		     container, unit, program, container) < 0)
		return -ENOMEM;
	err = rescore_replace_file(path, text, 0644);
	free(text);
	return err;
}

int unit_keep(const struct unit *unit, const char *container)
{
	char path[PATH_MAX], program[PATH_MAX] = "";
	ssize_t n;
	int err = 0;

	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n < 0)
		err = -errno;
	snprintf(path, sizeof(path), "%s/%s.d", UNITS, unit->name);
	if (!err && mkdir(path, 0755) && errno != EEXIST)
		err = -errno;
	drop_in_path(unit->name, path, sizeof(path));
	err = err ?: write_drop_in(path, program, container, unit->name);
	if (err)
		return fail("\"%s\" is attached only until it is stopped: cannot "
			    "write %s: %s",
			    unit->name, path, strerror(-err));
	return reload();
}

/*
 * Calls @fn for each file of ours: the container and the unit it is for. It stops at
 * a status that is not 0, and returns that.
 */
static int each_kept(int (*fn)(const char *path, const char *container,
			       const char *unit, void *arg),
		     void *arg)
{
	char container[RESCORE_NAME_LEN], unit[UNIT_NAME_MAX];
	int status = 0;
	glob_t found;
	size_t i;

	if (!systemd_runs() || glob(UNITS "/*.d/" DROP_IN, 0, NULL, &found))
		return 0;
	for (i = 0; !status && i < found.gl_pathc; i++)
		if (read_drop_in(found.gl_pathv[i], container, unit))
			status = fn(found.gl_pathv[i], container, unit, arg);
	globfree(&found);
	return status;
}

struct forget {
	const char *container;
	const struct unit *unit;
	bool done;
};

static int forget(const char *path, const char *container, const char *unit,
		  void *arg)
{
	struct forget *f = arg;
	char folder[PATH_MAX];

	if (strcmp(container, f->container) != 0 ||
	    (f->unit && strcmp(unit, f->unit->name) != 0))
		return 0;
	if (unlink(path))
		return fail("cannot remove %s: %s", path, strerror(errno));
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	rmdir(folder);	/* if nothing else is in it */
	f->done = true;
	return 0;
}

int unit_forget(const char *container, const struct unit *unit, bool *ret_kept)
{
	struct forget f = { container, unit, false };
	int status = each_kept(forget, &f);

	if (ret_kept)
		*ret_kept = f.done;
	return status ?: f.done ? reload() : 0;
}

struct attach {
	struct rescore *rs;
	int worst;
};

/* One that cannot be attached does not keep the others from it. */
static int attach(const char *path, const char *container, const char *name,
		  void *arg)
{
	struct attach *a = arg;
	int slot = rescore_find(a->rs, container), err;
	struct unit unit = {};

	(void)path;
	if (slot < 0 || unit_find(name, &unit) || !*unit.cgroup)
		return 0;
	err = rescore_attach(a->rs, (unsigned int)slot, unit.cgroup);
	if (err && err != -EALREADY)
		a->worst = fail("\"%s\" is not attached to \"%s\": %s", name,
				container, rescore_strerror());
	return 0;
}

int units_attach(struct rescore *rs)
{
	struct attach a = { rs, 0 };
	int status = each_kept(attach, &a);

	return status ?: a.worst;
}
