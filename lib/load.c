// SPDX-License-Identifier: GPL-2.0
/*
 * Load. Everything is built under STAGING_DIR and comes to its place by one
 * rename, so a load that dies leaves nothing that looks loaded. Over what is
 * loaded already: upgrade.c.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define BPF_FS_MAGIC		0xcafe4a11	/* linux/magic.h */
#define DEFAULT_CONTAINERS	4095
#define DEFAULT_EVENTS		8192
#define EVENTS_MAX		(1U << 20)
/* One open file, task or lock in containers per 16 KiB of the machine's memory:
 * a struct file and its descriptor alone take a 64th of that.
 */
#define BYTES_PER_OBJECT	16384
#define OBJECTS_MIN		(1ULL << 16)
#define OBJECTS_MAX		(1ULL << 27)
#define MEMBERS_BITS_MIN	10
/* Buckets fill unevenly: with half of the entries in use, one in 10^4 is full. */
#define BUCKET_LOAD		(RESCORE_BUCKET_ENTRIES / 2)

static FILE *log_file;

static int log_line(enum libbpf_print_level level, const char *format,
		    va_list args)
{
	if (!log_file || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(log_file, format, args);
}

static unsigned int bits_for(uint64_t entries)
{
	unsigned int bits = 1;

	while ((1ULL << bits) < entries)
		bits++;
	return bits;
}

static int check_options(const struct rescore_load_opts *opts,
			 struct rescore_meta *meta)
{
	uint64_t objects = opts->objects;
	unsigned int events = opts->events ?: DEFAULT_EVENTS;
	struct timespec now;

	if (opts->containers >= RESCORE_SLOTS_MAX)
		return rescore_error(-EINVAL, "%u containers: at most %d",
				     opts->containers, RESCORE_SLOTS_MAX - 1);
	if (objects > OBJECTS_MAX)
		return rescore_error(-EINVAL, "%llu objects: at most %llu",
				     (unsigned long long)objects, OBJECTS_MAX);
	if (events > EVENTS_MAX)
		return rescore_error(-EINVAL, "%u events: at most %u", events,
				     EVENTS_MAX);
	if (!objects) {
		objects = (uint64_t)sysconf(_SC_PHYS_PAGES) *
			  sysconf(_SC_PAGESIZE) / BYTES_PER_OBJECT;
		if (objects < OBJECTS_MIN)
			objects = OBJECTS_MIN;
		if (objects > OBJECTS_MAX)
			objects = OBJECTS_MAX;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	*meta = (struct rescore_meta){
		.abi = RESCORE_ABI,
		.nr_slots = (opts->containers ?: DEFAULT_CONTAINERS) + 1,
		.nr_events = 1U << bits_for(events),
		.payers_bits = bits_for(objects / BUCKET_LOAD),
		.next_serial = 1,
		.generation = 1,
		.loaded_ns = now.tv_sec * 1000000000ULL + now.tv_nsec,
	};
	/* room for a few cgroups below each container's own */
	meta->members_bits = bits_for(meta->nr_slots);
	if (meta->members_bits < MEMBERS_BITS_MIN)
		meta->members_bits = MEMBERS_BITS_MIN;
	if (meta->members_bits > RESCORE_MEMBERS_BITS)
		meta->members_bits = RESCORE_MEMBERS_BITS;
	snprintf(meta->version, sizeof(meta->version), "%s", RESCORE_VERSION);
	return 0;
}

static int check_machine(struct load *load)
{
	const char *cgroups = rescore_cgroup_mount();
	struct statfs fs;
	int err;

	if (geteuid() != 0)
		return rescore_error(-EPERM,
				     "rescore needs root: run this as root");
	if (rescore_locked_down())
		return rescore_error(
			-EPERM,
			"kernel lockdown (confidentiality) forbids BPF to read kernel memory: see kernel_lockdown(7)");
	load->btf = btf__load_vmlinux_btf();
	if (!load->btf)
		return rescore_error(
			-EOPNOTSUPP,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF");
	if (rescore_memory_end() > RESCORE_ADDRESS_MASK)
		return rescore_error(
			-EOPNOTSUPP,
			"this machine has memory above 64 TiB, where addresses of objects are not unique");
	load->lsm = rescore_lsm_works(load->btf);
	load->preemptible = rescore_preemptible();
	err = load_find_symbols(load);
	if (err)
		return err;
	if (!cgroups)
		return rescore_error(
			-EOPNOTSUPP,
			"no cgroup v2 file system is mounted: mount -t cgroup2 none /sys/fs/cgroup");
	load->cgroup_fd = open(cgroups, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (load->cgroup_fd < 0)
		return rescore_error(-errno, "cannot open %s: %s", cgroups,
				     strerror(errno));
	if (statfs(BPFFS_DIR, &fs) < 0 ||
	    (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		if (mount("bpf", BPFFS_DIR, "bpf",
			  MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
			return rescore_error(
				-errno,
				"cannot mount the BPF file system on " BPFFS_DIR
				": %s",
				strerror(errno));
	}
	return 0;
}

/* For pins, empty. */
static int make_folder(const char *dir)
{
	char links[64], progs[64];

	rescore_remove_tree(dir);
	snprintf(links, sizeof(links), "%s/links", dir);
	snprintf(progs, sizeof(progs), "%s/progs", dir);
	if (mkdir(dir, 0700) < 0 || mkdir(links, 0700) < 0 ||
	    mkdir(progs, 0700) < 0)
		return rescore_error(-errno, "cannot make %s: %s", dir,
				     strerror(errno));
	return 0;
}

static void order_ubc_rows(struct load *load)
{
	unsigned int index, i, row = 0;

	for (index = 1; index <= RESCORE_RESOURCES_MAX; index++)
		for (i = 0; i < load->meta.nr_resources; i++)
			if (load->registry[i].ubc_index == index)
				load->meta.ubc_rows[row++] = i + 1;
}

static int write_map(struct load *load, const char *name, const void *elements,
		     size_t size, unsigned int n)
{
	int fd = bpf_object__find_map_fd_by_name(load->core, name);
	uint32_t i;

	for (i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, &i,
					(const char *)elements + i * size,
					BPF_ANY))
			return rescore_error(-errno, "cannot write map %s: %s",
					     name, strerror(errno));
	return 0;
}

/* Where the kernel keeps meta: see rescore_address(). */
static int find_base(struct load *load)
{
	struct bpf_program *prog;
	int err;

	prog = bpf_object__find_program_by_name(load->core, "core__base");
	if (!prog)
		return rescore_error(-ENOEXEC, "the core has no core__base");
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &load->meta.base,
		    .ctx_size_in = sizeof(load->meta.base));
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	return err ? rescore_error(-errno, "cannot run core__base: %s",
				   strerror(errno)) :
		     0;
}

int load_write_tables(struct load *load)
{
	struct rescore_meta *meta;
	int err;

	order_ubc_rows(load);
	err = write_map(load, "registry", load->registry,
			sizeof(load->registry[0]), load->meta.nr_resources);
	err = err   ?:
		      write_map(load, "hooks", load->hooks,
				sizeof(load->hooks[0]), RESCORE_HOOKS_MAX);
	err = err   ?:
		      write_map(load, "knobs", load->knobs,
				sizeof(load->knobs[0]), RESCORE_KNOBS_MAX);
	err = err   ?:
		      write_map(load, "figures", load->figures,
				sizeof(load->figures[0]),
				load->meta.nr_figures);
	if (err || !load->upgrade)
		return err;
	/* the rest of it is in use */
	meta = rescore_map("meta", sizeof(*meta), 1, false);
	if (!meta)
		return -EIO;
	meta->nr_resources = load->meta.nr_resources;
	meta->nr_hooks = load->meta.nr_hooks;
	meta->nr_knobs = load->meta.nr_knobs;
	meta->nr_figures = load->meta.nr_figures;
	meta->gate = load->meta.gate;
	meta->partial = load->meta.partial;
	memcpy(meta->ubc_rows, load->meta.ubc_rows, sizeof(meta->ubc_rows));
	memcpy(meta->version, load->meta.version, sizeof(meta->version));
	rescore_unmap(meta, sizeof(*meta), 1);
	return 0;
}

/* The registry, then the word that makes the programs act. */
static int go_live(struct load *load)
{
	int err;

	err = find_base(load);
	err = err ?: load_write_tables(load);
	err = err   ?:
		      write_map(load, ".data.rescore", &load->meta,
				sizeof(load->meta), 1);
	if (err)
		return err;
	if (rename(STAGING_DIR, RESCORE_PIN_DIR) < 0)
		return rescore_error(-errno,
				     "cannot make " RESCORE_PIN_DIR ": %s",
				     strerror(errno));
	return 0;
}

/* Everything attached in load->dir, idle. */
static int load_objects(struct load *load, const char *only)
{
	char text[256];
	int err;

	load->meta.partial = only != NULL;
	err = make_folder(load->dir);
	err = err ?: load_object(load, LOAD_CORE_OBJECT ".bpf.o");
	load_step("building");
	err = err ?: load_controllers(load, only);
	snprintf(text, sizeof(text), "%s/user_beancounters", load->dir);
	if (!err && chmod(text, 0400) < 0)
		err = rescore_error(-errno, "cannot change the mode of %s: %s",
				    text, strerror(errno));
	return err;
}

static int load_first(struct load *load, const struct rescore_load_opts *opts)
{
	int err;

	err = check_options(opts, &load->meta);
	load->dir = STAGING_DIR;
	err = err ?: load_objects(load, opts->only);
	err = err ?: go_live(load);
	if (err)
		rescore_remove_tree(STAGING_DIR);
	return err;
}

static int load_over(struct load *load, const struct rescore_load_opts *opts,
		     const char *only)
{
	int err;

	if (opts->containers || opts->objects || opts->events)
		return rescore_error(
			-EINVAL,
			"what is loaded keeps its size: unload it first, or leave out the number of containers, objects and events");
	load->dir = LOAD_NEXT_DIR;
	load->upgrade = true;
	err = load_begin_upgrade(load);
	err = err ?: load_objects(load, only);
	if (err) {
		rescore_remove_tree(LOAD_NEXT_DIR);
		return err;
	}
	return load_switch(load);
}

/* Controllers that came at run time count the tasks that there are. */
static int adopt_all(void)
{
	struct rescore *rs;
	int err = rescore_open(&rs, true);

	if (err)
		return err;
	err = rescore_run_adopters(rs);
	rescore_close(rs);
	return err;
}

/* Over what is loaded: an upgrade, or more controllers. */
static int load_more(struct load *load, const struct rescore_load_opts *opts,
		     bool upgrade)
{
	char list[RESCORE_LIST_LEN];
	unsigned int loaded;
	struct rescore *rs;
	bool repaired, more;
	int err;

	err = load_repair(&repaired);
	err = err ?: rescore_open(&rs, true);
	if (err)
		return err;
	upgrade |= strcmp(rs->meta->version, RESCORE_VERSION) != 0;
	loaded = load_list_loaded(rs, list);
	more = load_list_add(list, opts->only) > loaded;
	if (!rs->meta->partial && !opts->only)
		list[0] = '\0';
	rescore_close(rs);
	if (!upgrade && !more)
		return repaired ? 0 :
				  rescore_error(-EEXIST,
						"rescore is loaded already");
	err = load_over(load, opts, list[0] ? list : NULL);
	return err ?: adopt_all();
}

/* Over what is loaded: the same, without the controllers of opts->only. */
static int load_less(struct load *load, const struct rescore_load_opts *opts)
{
	char left[RESCORE_LIST_LEN];
	struct rescore *rs;
	bool repaired;
	int err;

	err = load_repair(&repaired);
	err = err ?: rescore_open(&rs, true);
	if (err)
		return err;
	load_list_loaded(rs, left);
	rescore_close(rs);
	err = load_list_remove(left, opts->only);
	return err ?: load_over(load, opts, left);
}

static int load_locked(struct load *load, const struct rescore_load_opts *opts,
		       enum load_how how)
{
	bool loaded = !access(RESCORE_PIN_DIR, F_OK);

	if (!loaded && how != LOAD_IF_NEW)
		return rescore_error(
			-ENOENT,
			"rescore is not loaded: there is nothing to %s",
			how == LOAD_UPGRADE ? "upgrade" : "unload");
	if (!loaded)
		return load_first(load, opts);
	return how == LOAD_WITHOUT ? load_less(load, opts) :
				     load_more(load, opts, how == LOAD_UPGRADE);
}

int load_do(const struct rescore_load_opts *opts, enum load_how how)
{
	static const struct rescore_load_opts defaults;
	struct load *load;
	unsigned int i;
	int err, lock;

	opts = opts ?: &defaults;
	load = calloc(1, sizeof(*load));
	if (!load)
		return rescore_error(-ENOMEM, "out of memory");
	load->cgroup_fd = -1;
	log_file = opts->log;
	libbpf_set_print(log_line);
	load->bpf_dir = opts->bpf_dir ?: getenv("RESCORE_BPF_DIR");
	load->bpf_dir = load->bpf_dir ?: RESCORE_BPF_DIR;

	err = check_options(opts, &load->meta);
	err = err ?: check_machine(load);
	if (!err) {
		lock = err = load_lock();
		if (lock >= 0) {
			err = load_locked(load, opts, how);
			close(lock);
		}
	}
	for (i = load->nr_objects; i-- > 0;)
		bpf_object__close(load->objects[i]);
	load_forget_modules(load);
	btf__free(load->btf);
	if (load->cgroup_fd >= 0)
		close(load->cgroup_fd);
	free(load);
	return err;
}

int rescore_load(const struct rescore_load_opts *opts)
{
	return load_do(opts, LOAD_IF_NEW);
}

int rescore_upgrade(const struct rescore_load_opts *opts)
{
	return load_do(opts, LOAD_UPGRADE);
}
