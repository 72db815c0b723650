/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The BPF helpers, for user space: kernel/rescore/bpf.h includes this instead
 * of vmlinux.h and libbpf's headers when RESCORE_NATIVE is defined, so that the
 * counting headers run here under sanitizers, in threads and under a fuzzer.
 *
 * One program is one translation unit. It calls native_config() and
 * native_map() for every map it uses, as the loader does, then the headers'
 * functions. What the kernel promises is kept: an array's elements do not move
 * and a key out of range is not found; a hash is full at max_entries (-E2BIG),
 * gives a deleted element to the next insert at once, and its look-up returns a
 * pointer to the live value.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/cdefs.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/types.h>

/* --- what bpf_helpers.h defines -------------------------------------------- */

#define SEC(name)
/* Unused: a test need not call every function of a header. */
#define __noinline	__attribute__((noinline, unused))
#define __uint(name, val)	int (*name)[val]
#define __type(name, val)	typeof(val) *name

/*
 * A test may run code of its own in front of every access to memory that others
 * write too: that is how test_interleave.c drives all orders of several CPUs.
 */
#ifndef NATIVE_STEP
#define NATIVE_STEP()	((void)0)
#endif

/* The same in the middle of a record: an event's writer asks for the name. */
#ifndef NATIVE_COMM
#define NATIVE_COMM()	NATIVE_STEP()
#endif

/*
 * READ_ONCE() in BPF is a plain load that nothing can tear or repeat: in C's
 * own words a relaxed atomic load. As a volatile load ThreadSanitizer would
 * call it a race with every atomic instruction on the same word.
 */
#define READ_ONCE(x)	(NATIVE_STEP(), __atomic_load_n(&(x), __ATOMIC_RELAXED))

#define __sync_fetch_and_add(p, v)					\
	(NATIVE_STEP(), __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST))

#define __sync_val_compare_and_swap(p, old, new)			\
	(NATIVE_STEP(), __sync_val_compare_and_swap(p, old, new))

/*
 * The instruction is a full barrier in BPF, but C's builtin of that name only
 * acquires, and ThreadSanitizer takes it at its word.
 */
#define __sync_lock_test_and_set(p, v)					\
	(NATIVE_STEP(), __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST))

#define native_die(...)							\
do {									\
	fflush(stdout);							\
	fprintf(stderr, "native: " __VA_ARGS__);			\
	fputc('\n', stderr);						\
	abort();							\
} while (0)

/* --- maps -------------------------------------------------------------------- */

struct native_element {
	struct native_element *next;	/* in its chain, or among the free */
	__u64 key, value;
};

struct native_map {
	const void *program_map;	/* the object that SEC(".maps") declares */
	__u32 type, value_size, max_entries, used;
	__u64 lookups;			/* of a hash */
	char *memory;			/* array: the elements */
	struct native_element *elements, *free, **chains;
	__u32 chains_mask;
	pthread_mutex_t lock;
};

#define NATIVE_MAPS_MAX	16

static struct native_map native_maps[NATIVE_MAPS_MAX];
static unsigned int native_nr_maps;

static inline struct native_map *native_find(const void *program_map)
{
	unsigned int i;

	for (i = 0; i < native_nr_maps; i++)
		if (native_maps[i].program_map == program_map)
			return &native_maps[i];
	native_die("a map was used before native_map() made it");
}

static inline void native_empty(struct native_map *map)
{
	__u32 i;

	map->used = 0;
	map->lookups = 0;
	if (map->memory) {
		memset(map->memory, 0,
		       (size_t)map->max_entries * map->value_size);
		return;
	}
	memset(map->chains, 0, (map->chains_mask + 1) * sizeof(*map->chains));
	map->free = NULL;
	for (i = map->max_entries; i--;) {
		map->elements[i].next = map->free;
		map->free = &map->elements[i];
	}
}

/* Make a map of @n elements, or make it again with another size. */
static inline struct native_map *native_map_new(const void *program_map,
						__u32 type, size_t key_size,
						size_t value_size, __u32 n)
{
	struct native_map *map = native_maps;

	while (map < native_maps + native_nr_maps &&
	       map->program_map != program_map)
		map++;
	if (map == native_maps + NATIVE_MAPS_MAX)
		native_die("more than %d maps", NATIVE_MAPS_MAX);
	if (map == native_maps + native_nr_maps)
		native_nr_maps++;
	free(map->memory);
	free(map->elements);
	free(map->chains);
	*map = (struct native_map){
		.program_map = program_map,
		.type = type,
		.value_size = value_size,
		.max_entries = n,
	};
	pthread_mutex_init(&map->lock, NULL);

	if (type == BPF_MAP_TYPE_ARRAY) {
		/* one element may be a cache line: do not split it */
		if (posix_memalign((void **)&map->memory, 64, n * value_size))
			native_die("out of memory");
	} else if (type == BPF_MAP_TYPE_HASH && key_size == sizeof(__u64) &&
		   value_size == sizeof(__u64)) {
		while (map->chains_mask < n)
			map->chains_mask = map->chains_mask * 2 + 1;
		map->chains = calloc(map->chains_mask + 1,
				     sizeof(*map->chains));
		map->elements = calloc(n + 1, sizeof(*map->elements));
		if (!map->chains || !map->elements)
			native_die("out of memory");
	} else {
		native_die("no such kind of map here");
	}
	native_empty(map);
	return map;
}

/* The type and the sizes are in the declaration, for libbpf to find in BTF. */
#define native_map(map, n)						\
	native_map_new(&(map), sizeof(*(map).type) / sizeof(int),	\
		       sizeof(*(map).key), sizeof(*(map).value), n)

/* The elements of an array, as user space maps them. */
#define native_array(map)						\
	((typeof((map).value))(void *)native_find(&(map))->memory)

/* Where in its chain @key is, or where the chain ends. Under the lock. */
static inline struct native_element **native_place(struct native_map *map,
						   __u64 key)
{
	struct native_element **at;

	/* any hash but the one under test */
	at = &map->chains[((key >> 16) * 0xff51afd7ed558ccdULL >> 33) &
			  map->chains_mask];
	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

/* Not inlined: gcc would see an array's key read as if it were a hash's. */
static __noinline void *native_hash_lookup(struct native_map *map,
					   const void *key)
{
	struct native_element *found;
	__u64 wide;

	NATIVE_STEP();
	memcpy(&wide, key, sizeof(wide));
	pthread_mutex_lock(&map->lock);
	map->lookups++;
	found = *native_place(map, wide);
	pthread_mutex_unlock(&map->lock);
	return found ? &found->value : NULL;
}

static inline void *bpf_map_lookup_elem(const void *program_map,
					const void *key)
{
	struct native_map *map = native_find(program_map);
	__u32 index;

	if (!map->memory)
		return native_hash_lookup(map, key);
	memcpy(&index, key, sizeof(index));
	return index < map->max_entries ?
		       map->memory + (size_t)index * map->value_size :
		       NULL;
}

static inline long bpf_map_update_elem(const void *program_map, const void *key,
				       const void *value, __u64 flags)
{
	struct native_map *map = native_find(program_map);
	struct native_element **at, *element;
	__u64 wide, word;
	long err = 0;

	if (map->memory)
		native_die("the programs only look up in arrays");
	NATIVE_STEP();
	memcpy(&wide, key, sizeof(wide));
	memcpy(&word, value, sizeof(word));

	pthread_mutex_lock(&map->lock);
	at = native_place(map, wide);
	element = *at;
	if (element && flags == BPF_NOEXIST) {
		err = -EEXIST;
	} else if (!element && flags == BPF_EXIST) {
		err = -ENOENT;
	} else if (!element && !map->free) {
		err = -E2BIG;
	} else {
		if (!element) {
			element = map->free;
			map->free = element->next;
			element->next = NULL;
			element->key = wide;
			*at = element;
			map->used++;
		}
		__atomic_store_n(&element->value, word, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&map->lock);
	return err;
}

static inline long bpf_map_delete_elem(const void *program_map, const void *key)
{
	struct native_map *map = native_find(program_map);
	struct native_element **at, *element;
	__u64 wide;

	if (map->memory)
		return -EINVAL;
	NATIVE_STEP();
	memcpy(&wide, key, sizeof(wide));
	pthread_mutex_lock(&map->lock);
	at = native_place(map, wide);
	element = *at;
	if (element) {
		*at = element->next;
		element->next = map->free;
		map->free = element;
		map->used--;
	}
	pthread_mutex_unlock(&map->lock);
	return element ? 0 : -ENOENT;
}

/* --- the running task and the clock ------------------------------------------- */

struct native_task {
	__u64 address;
	__u64 pid_tgid;
	char comm[16];
};

/* Both of this thread: CPUs differ in what they run and read another time. */
static __thread struct native_task native_self;
static __thread __u64 native_clock;	/* stands here; 0: CLOCK_BOOTTIME */

static inline __u64 bpf_get_current_task(void)
{
	return native_self.address;
}

static inline __u64 bpf_get_current_pid_tgid(void)
{
	return native_self.pid_tgid;
}

static inline long bpf_get_current_comm(void *buf, __u32 size)
{
	NATIVE_COMM();
	memcpy(buf, native_self.comm, size);
	return 0;
}

static inline __u64 bpf_ktime_get_boot_ns(void)
{
	struct timespec now;

	if (native_clock)
		return native_clock;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static inline long bpf_probe_read_kernel(void *to, __u32 size, const void *from)
{
	memcpy(to, from, size);
	return 0;
}

/* --- the loader's part --------------------------------------------------------- */

/*
 * Constants to the programs, as they are to the verifier: they may lie in pages
 * that cannot be written, and a compiler may leave out what writes to them.
 */
static inline void native_write_const(const volatile void *to, const void *from,
				      size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)to & ~(page - 1), at = (uintptr_t)to;

	if (mprotect((void *)start, at + size - start, PROT_READ | PROT_WRITE))
		native_die("mprotect: %s", strerror(errno));
	__asm__ volatile("" : "+r"(at));	/* it cannot tell what this is */
	memcpy((void *)at, from, size);
}

/* The clock that the gate's last answer is good for. */
static __u64 native_jiffies = 1;

static inline __u64 bpf_jiffies64(void)
{
	return native_jiffies;
}

/* In the place of gate.h, which asks the kernel: what it is to say. */
static int native_gate_says;

__noinline int rescore_gate_shut(__u32 slot)
{
	(void)slot;
	return native_gate_says;
}

/* Sizes of members, payers (log2 of the buckets) and events (a power of two). */
#define native_config(members, payers, nr)				\
do {									\
	struct rescore_config __config = {				\
		.members_shift = 64 - (members),			\
		.payers_shift = 64 - (payers),				\
		.events_mask = (nr) - 1,				\
	};								\
									\
	native_write_const(&rescore_cfg, &__config, sizeof(__config));	\
	rescore_meta = (struct rescore_meta){				\
		.abi = RESCORE_ABI,					\
		.members_bits = (members),				\
		.payers_bits = (payers),				\
		.nr_events = (nr),					\
	};								\
} while (0)

#endif /* NATIVE_H */
