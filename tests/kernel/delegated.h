/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of delegated rows share: the kernel's own files, to compare. */
#ifndef RESCORE_DELEGATED_TEST_H
#define RESCORE_DELEGATED_TEST_H

#include "puppet.h"

/* Text of @file of the cgroup at @path, without the newline; "" if it is not. */
static inline const char *knob_at(const char *path, const char *file)
{
	static char buffers[4][8192];
	static unsigned int turn;
	char *buffer = buffers[turn++ % 4];
	int fd = open(text("%s/%s", path, file), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffers[0]) - 1);

	if (fd >= 0)
		close(fd);
	buffer[n < 0 ? 0 : n] = '\0';
	if (n > 0 && buffer[n - 1] == '\n')
		buffer[n - 1] = '\0';
	return buffer;
}

/* The same of container @slot's first root. */
static inline const char *knob(int slot, const char *file)
{
	return knob_at(path_of(slot), file);
}

/* The number in @file, or behind @key in it; -1: there is none. */
static inline int64_t number_of(int slot, const char *file, const char *key)
{
	const char *at = knob(slot, file);
	size_t length = key ? strlen(key) : 0;

	while (key && (strncmp(at, key, length) || at[length] != ' ')) {
		at = strchr(at, '\n');
		if (!at)
			return -1;
		at++;
	}
	return *at ? strtoll(at + length, NULL, 10) : -1;
}

static inline int id_of(const char *resource)
{
	return rescore_find_resource(rs, resource);
}

/* What a reading of row @id finds now. */
static inline struct rescore_line reading(int slot, int id)
{
	if (rescore_refresh(rs))
		ksft_exit_fail_msg("rescore_refresh: %s\n", rescore_strerror());
	return row(slot, id);
}

/* The value of figure @name as the last reading found it; -1: no such. */
static inline int64_t figure_of(int slot, const char *name)
{
	const struct rescore_figure *figure;
	int64_t value = -1;
	unsigned int i;

	for (i = 0; (figure = rescore_figure(rs, i)); i++)
		if (!strcmp(figure->name, name))
			rescore_read_figure(rs, slot, i, &value);
	return value;
}

/* Set row @id as the command line does. 0 or -errno. */
static inline int set_text(int slot, int id, const char *setting)
{
	struct rescore_bounds bounds;
	int err = rescore_parse_setting(rs, id, setting, &bounds);

	return err ?: rescore_set(rs, slot, &bounds, 1);
}

#define SET(slot, id, setting)					\
	ASSERT_EQ(0, set_text(slot, id, setting))		\
		TH_LOG("%s: %s", setting, rescore_strerror())

/* A cgroup of the test's own, removed by forget_cgroup(). */
static inline const char *own_group(const char *name)
{
	const char *path = text("/sys/fs/cgroup/%s", name);

	mkdir(path, 0755);
	return path;
}

static inline void forget_group(const char *name)
{
	const char *path = text("/sys/fs/cgroup/%s", name);

	(void)eventually(!rmdir(path) || errno == ENOENT);
}

#define PAGE	4096

/* --- in a puppet ------------------------------------------------------------- */

/* Take @pages of memory and touch each. */
static inline long take_memory(long pages, long b, long c)
{
	char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long i;

	if (memory == MAP_FAILED)
		return -errno;
	for (i = 0; i < pages; i++)
		memory[i * PAGE] = 1;
	return 0;
}

/* The same in a child, which may be killed for it. Its wait status. */
static inline long take_in_child(long pages, long b, long c)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(take_memory(pages, 0, 0) != 0);
	waitpid(pid, &status, 0);
	return status;
}

#endif /* RESCORE_DELEGATED_TEST_H */
