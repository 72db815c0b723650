// SPDX-License-Identifier: GPL-2.0
/*
 * From one generation of programs to the next, with no operation uncounted or
 * counted twice: kernel/rescore/handover.h says how programs take turns.
 *
 * The new ones stand in LOAD_NEXT_DIR, attached and idle. Until meta says
 * RESCORE_HANDOVER, to remove that folder is to undo all; from then on each step
 * can be repeated, and whoever finds it unfinished finishes it (load_repair()).
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

/* In a folder of the new generation: it has come to its place. */
#define MARK		"generation-%u"
#define STRAYS_MS	120000	/* for the kernel to let old programs go */
#define STRAYS_POLL_MS	20
#define PROGRAMS_MAX	1024

void load_step(const char *step)
{
	const char *die = secure_getenv("RESCORE_DIE_AT");

	if (die && !strcmp(die, step))
		raise(SIGKILL);
}

uint32_t load_program_number(const char *name)
{
	uint32_t hash = RESCORE_HASH_BASIS;

	while (*name)
		hash = (hash ^ (uint8_t)*name++) * RESCORE_HASH_PRIME;
	return hash;
}

/* --- the maps of a handover ------------------------------------------------------ */

static int empty_map(const char *name)
{
	char key[sizeof(struct rescore_turn)];
	int fd = rescore_pin_fd(name);

	if (fd < 0)
		return fd;
	while (!bpf_map_get_next_key(fd, NULL, key))
		bpf_map_delete_elem(fd, key);
	close(fd);
	return 0;
}

/* Programs of the generation that is active: the new ones tell them. */
static int write_predecessors(void)
{
	struct rescore_hook *hooks;
	uint32_t number, one = 1;
	unsigned int i;
	int fd, err;

	err = empty_map("turns");
	err = err ?: empty_map("predecessors");
	if (err)
		return err;
	fd = rescore_pin_fd("predecessors");
	if (fd < 0)
		return fd;
	hooks = rescore_map("hooks", sizeof(*hooks), RESCORE_HOOKS_MAX, true);
	for (i = 0; hooks && !err && i < RESCORE_HOOKS_MAX; i++) {
		if (hooks[i].state != RESCORE_ON)
			continue;
		number = load_program_number(hooks[i].name);
		if (bpf_map_update_elem(fd, &number, &one, BPF_ANY))
			err = rescore_error(-errno,
					    "cannot write predecessors: %s",
					    strerror(errno));
	}
	err = hooks ? err : -EIO;
	rescore_unmap(hooks, sizeof(*hooks), RESCORE_HOOKS_MAX);
	close(fd);
	return err;
}

/* --- pins ------------------------------------------------------------------------ */

/* The folder @name of the new generation changes places with the old one's. */
static int exchange(const char *name, uint32_t generation)
{
	char here[256], next[256], mark[300];

	snprintf(here, sizeof(here), RESCORE_PIN_DIR "/%s", name);
	snprintf(next, sizeof(next), LOAD_NEXT_DIR "/%s", name);
	snprintf(mark, sizeof(mark), "%s/" MARK, here, generation);
	if (!access(mark, F_OK))
		return 0;	/* has been done */
	snprintf(mark, sizeof(mark), "%s/" MARK, next, generation);
	if (mkdir(mark, 0700) < 0 && errno != EEXIST)
		return rescore_error(-errno, "cannot make %s: %s", mark,
				     strerror(errno));
	if (renameat2(AT_FDCWD, next, AT_FDCWD, here, RENAME_EXCHANGE) < 0)
		return rescore_error(-errno, "cannot exchange %s: %s", here,
				     strerror(errno));
	return 0;
}

/* What is no folder: the table as text, new maps. */
static int move_files(void)
{
	char from[512], to[512];
	struct dirent *entry;
	DIR *dir;
	int err = 0;

	dir = opendir(LOAD_NEXT_DIR);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_type == DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), LOAD_NEXT_DIR "/%s",
			 entry->d_name);
		snprintf(to, sizeof(to), RESCORE_PIN_DIR "/%s", entry->d_name);
		if (rename(from, to) < 0)
			err = rescore_error(-errno, "cannot rename %s: %s",
					    from, strerror(errno));
	}
	closedir(dir);
	return err;
}

/* --- the old programs --------------------------------------------------------------- */

static unsigned int programs_in(const char *folder, uint32_t *ids,
				unsigned int n)
{
	struct dirent *entry;
	char path[512];
	int64_t id;
	DIR *dir;

	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_type == DT_DIR || n == PROGRAMS_MAX)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		id = rescore_pinned_program(path);
		if (id > 0)
			ids[n++] = (uint32_t)id;
	}
	if (dir)
		closedir(dir);
	return n;
}

static uint32_t id_of_meta(void)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int fd = rescore_pin_fd("meta");

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		info.id = 0;
	close(fd);
	return info.id;
}

static bool uses_map(uint32_t program, uint32_t map)
{
	uint32_t maps[64] = {}, i, size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {
		.nr_map_ids = ARRAY_SIZE(maps),
		.map_ids = (uint64_t)(uintptr_t)maps,
	};
	bool uses = false;
	int fd = bpf_prog_get_fd_by_id(program);

	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		for (i = 0; i < info.nr_map_ids && i < ARRAY_SIZE(maps); i++)
			uses |= maps[i] == map;
	close(fd);
	return uses;
}

/* Programs over our maps that are pinned nowhere: on their way out. */
static unsigned int count_strays(void)
{
	uint32_t ids[PROGRAMS_MAX + 1], meta = id_of_meta(), id = 0;
	unsigned int n, i, strays = 0;
	int64_t text;

	n = programs_in(RESCORE_PIN_DIR "/links", ids, 0);
	n = programs_in(RESCORE_PIN_DIR "/progs", ids, n);
	text = rescore_pinned_program(RESCORE_PIN_DIR "/user_beancounters");
	if (text > 0)
		ids[n++] = (uint32_t)text;
	while (!bpf_prog_get_next_id(id, &id)) {
		for (i = 0; i < n && ids[i] != id; i++)
			;
		strays += i == n && uses_map(id, meta);
	}
	return strays;
}

/*
 * The kernel detaches a program when the last reference to its link is gone, and
 * frees it after that: when it has no number any more, nothing runs it.
 */
static int wait_for_strays(void)
{
	const struct timespec poll = { .tv_nsec = STRAYS_POLL_MS * 1000000L };
	int i;

	for (i = 0; i < STRAYS_MS / STRAYS_POLL_MS; i++) {
		if (!count_strays())
			return 0;
		nanosleep(&poll, NULL);
	}
	return rescore_error(
		-EBUSY,
		"the kernel has not let %u programs of the old version go, both versions stay: run `rlimitctl load` to finish",
		count_strays());
}

/* --- resources that nobody counts any more ------------------------------------------- */

static bool is_gone(const struct rescore_resource *resource)
{
	return resource->name[0] && resource->state != RESCORE_ON;
}

static void forget_payers(const struct rescore_meta *meta, uint32_t kinds)
{
	size_t n = (size_t)1 << meta->payers_bits, i;
	struct rescore_bucket *payers;
	uint64_t entry;
	int j;

	payers = rescore_map("payers", sizeof(*payers), n, false);
	for (i = 0; payers && i < n; i++) {
		for (j = 0; j < RESCORE_BUCKET_ENTRIES; j++) {
			entry = __atomic_load_n(&payers[i].entry[j],
						__ATOMIC_RELAXED);
			if (entry && entry != RESCORE_TOMB &&
			    kinds & 1U << RESCORE_KEY_KIND(entry >> 16))
				__atomic_compare_exchange_n(&payers[i].entry[j],
							    &entry,
							    RESCORE_TOMB, false,
							    __ATOMIC_SEQ_CST,
							    __ATOMIC_SEQ_CST);
		}
	}
	rescore_unmap(payers, sizeof(*payers), n);
}

static void forget_more_payers(struct rescore_meta *meta, uint32_t kinds)
{
	uint64_t key, next;
	int fd = rescore_pin_fd("payers_more"), last;

	if (fd < 0)
		return;
	last = bpf_map_get_next_key(fd, NULL, &next);
	while (!last) {
		key = next;
		last = bpf_map_get_next_key(fd, &key, &next);
		if (kinds & 1U << RESCORE_KEY_KIND(key >> 16) &&
		    !bpf_map_delete_elem(fd, &key))
			__atomic_fetch_sub(&meta->payers_overflow, 1,
					   __ATOMIC_SEQ_CST);
	}
	close(fd);
}

/* What they held is 0, and who paid for it is forgotten. Bounds stay. */
static int forget_gone(struct rescore_meta *meta)
{
	struct rescore_resource *registry;
	struct rescore_row *table;
	uint32_t kinds = 0;
	unsigned int i, slot;
	int err = 0;

	registry = rescore_map("registry", sizeof(*registry),
			       RESCORE_RESOURCES_MAX, true);
	table = rescore_map("table", sizeof(*table), meta->nr_slots, false);
	if (!registry || !table)
		err = -EIO;
	for (i = 0; !err && i < meta->nr_resources; i++) {
		if (!is_gone(&registry[i]))
			continue;
		kinds |= registry[i].objects;
		for (slot = 0; slot < meta->nr_slots; slot++)
			__atomic_store_n(&table[slot].line[i].held, 0,
					 __ATOMIC_SEQ_CST);
	}
	if (kinds) {
		forget_payers(meta, kinds);
		forget_more_payers(meta, kinds);
	}
	if (!err)
		err = load_forget_own(registry);
	rescore_unmap(registry, sizeof(*registry), RESCORE_RESOURCES_MAX);
	rescore_unmap(table, sizeof(*table), meta->nr_slots);
	return err;
}

/* --- the switch ------------------------------------------------------------------- */

/* From the handover on; may be begun again after any of its steps. */
static int finish(struct rescore_meta *meta)
{
	int err;

	err = exchange("progs", meta->to);
	load_step("progs");
	err = err ?: exchange("links", meta->to);
	load_step("links");
	err = err ?: move_files();
	load_step("files");
	if (err)
		return err;
	rescore_remove_tree(LOAD_NEXT_DIR);
	load_step("removed");
	err = wait_for_strays();
	err = err ?: forget_gone(meta);
	if (err)
		return err;
	load_step("gone");
	__atomic_store_n(&meta->generation, meta->to, __ATOMIC_SEQ_CST);
	load_step("switched");
	err = empty_map("turns");
	return err ?: empty_map("predecessors");
}

int load_switch(struct load *load)
{
	struct rescore_meta *meta;
	int err;

	load_step("attached");
	err = write_predecessors();
	if (err)
		return err;
	meta = rescore_map("meta", sizeof(*meta), 1, false);
	if (!meta)
		return -EIO;
	meta->from = meta->generation;
	meta->to = load->meta.generation;
	load_step("predecessors");
	__atomic_store_n(&meta->generation, RESCORE_HANDOVER, __ATOMIC_SEQ_CST);
	load_step("handover");
	err = load_write_tables(load);
	load_step("tables");
	err = err ?: finish(meta);
	rescore_unmap(meta, sizeof(*meta), 1);
	return err;
}

int load_repair(bool *ret_repaired)
{
	struct rescore_meta *meta = rescore_map("meta", sizeof(*meta), 1,
						false);
	int err = 0;

	*ret_repaired = false;
	if (!meta)
		return -EIO;
	if (meta->abi == RESCORE_ABI) {
		*ret_repaired = meta->generation == RESCORE_HANDOVER ||
				!access(LOAD_NEXT_DIR, F_OK);
		if (meta->generation == RESCORE_HANDOVER)
			err = finish(meta);
		else
			rescore_remove_tree(LOAD_NEXT_DIR);
	}
	rescore_unmap(meta, sizeof(*meta), 1);
	return err;
}
