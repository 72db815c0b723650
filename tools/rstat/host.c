// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "say.h"

#define HOST_FILE	"host.json"

/* clang-format off */
static const struct {
	const char *name;
	size_t offset;
} members[] = {
	{ "memory", offsetof(struct host, memory) },
	{ "swap", offsetof(struct host, swap) },
	{ "threads", offsetof(struct host, threads) },
	{ "files", offsetof(struct host, files) },
	{ "ptys", offsetof(struct host, ptys) },
	{ "cpus", offsetof(struct host, cpus) },
};
/* clang-format on */

#define NR_MEMBERS (sizeof(members) / sizeof(members[0]))

/* A number alone in a file below /proc/sys; 0: it cannot be read. */
static double read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	double value = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%lf", &value) != 1 || !isfinite(value) || value < 0)
		value = 0;
	fclose(file);

	return value;
}

static void read_meminfo(struct host *host)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	double kb;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemTotal: %lf kB", &kb) == 1)
			host->memory = kb * 1024;
		else if (sscanf(line, "SwapTotal: %lf kB", &kb) == 1)
			host->swap = kb * 1024;
	}
	fclose(file);
}

void host_read(struct host *ret)
{
	struct host host = {};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double pids = read_number("/proc/sys/kernel/pid_max");

	read_meminfo(&host);
	host.threads = read_number("/proc/sys/kernel/threads-max");
	if (pids > 0 && (pids < host.threads || host.threads <= 0))
		host.threads = pids;
	host.files = read_number("/proc/sys/fs/file-max");
	host.ptys = read_number("/proc/sys/kernel/pty/max");
	host.cpus = cpus > 0 ? (double)cpus : 0;
	*ret = host;
}

int host_save(const struct store *store, const struct host *host)
{
	char text[512];
	size_t used = 0;
	int err;

	used += (size_t)snprintf(text, sizeof(text), "{\"version\":%d",
				 STORE_VERSION);
	for (size_t i = 0; i < NR_MEMBERS; i++) {
		double value;

		memcpy(&value, (const char *)host + members[i].offset,
		       sizeof(value));
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 ",\"%s\":%.0f", members[i].name,
					 value);
	}
	used += (size_t)snprintf(text + used, sizeof(text) - used, "}\n");
	err = file_replace(store->fd, HOST_FILE, text, used);
	if (err)
		return fail(-err, "cannot write '%s/" HOST_FILE "': %s",
			    store->path, strerror(-err));

	return 0;
}

int host_load(const struct store *store, struct host *ret)
{
	struct host host = {};
	struct blob text;
	json_t *root;
	int fd, err;

	fd = openat(store->fd, HOST_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	err = fd < 0 ? -errno : blob_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (err)
		return fail(-err, "cannot read '%s/" HOST_FILE "': %s",
			    store->path, strerror(-err));
	root = json_loadb(text.data, text.len, 0, NULL);
	blob_free(&text);
	if (json_integer_value(json_object_get(root, "version")) !=
	    STORE_VERSION)
		err = fail(EPROTO, "'%s/" HOST_FILE "' is damaged",
			   store->path);
	for (size_t i = 0; !err && i < NR_MEMBERS; i++) {
		const json_t *json = json_object_get(root, members[i].name);
		double value = json_number_value(json);

		if (value > 0)
			memcpy((char *)&host + members[i].offset, &value,
			       sizeof(value));
	}
	json_decref(root);
	if (!err)
		*ret = host;

	return err;
}
