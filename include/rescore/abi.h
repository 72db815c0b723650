/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The types that the BPF programs and user space share, in maps pinned under
 * /sys/fs/bpf/rescore/. Both sides compile this file; nothing else describes
 * the layout. Any change of layout changes RESCORE_ABI.
 *
 *   pin          type                  one element
 *   meta         array, 1, mmap        struct rescore_meta
 *   registry     array, mmap           struct rescore_resource   (by id)
 *   hooks        array, mmap           struct rescore_hook
 *   containers   array, mmap           struct rescore_container  (by slot)
 *   table        array, mmap           struct rescore_row        (by slot)
 *   throttle     array                 struct rescore_throttle   (by slot)
 *   members      array, mmap           struct rescore_bucket     (by hash)
 *   members_more hash                  id -> slot
 *   payers       array, mmap           struct rescore_bucket     (by hash)
 *   payers_more  hash                  key -> slot
 *   events       array, mmap           struct rescore_event      (ring)
 *   amounts-NAME hash                  of resource NAME, its controller's own
 *   gauges       array, mmap           struct rescore_gauges     (by slot)
 *   knobs        array, mmap           struct rescore_knob
 *   figures      array, mmap           struct rescore_figure
 */
#ifndef RESCORE_ABI_H
#define RESCORE_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define RESCORE_ABI		5

#define RESCORE_PIN_DIR		"/sys/fs/bpf/rescore"

/* Slots fit the 16 low bits of a bucket entry; slot 0 is the host. */
#define RESCORE_SLOTS_MAX	65536
/* Lines of one container. UBC had 24 rows; a power of two keeps them aligned. */
#define RESCORE_RESOURCES_MAX	32
#define RESCORE_REGISTERED_MAX	(RESCORE_RESOURCES_MAX - 1) /* see struct rescore_row */
#define RESCORE_HOOKS_MAX	256
/* Levels of a tree of limits: a reseller, its tenants, their parts, … */
#define RESCORE_LEVELS_MAX	4
#define RESCORE_KNOBS_MAX	64
#define RESCORE_FIGURES_MAX	16
/* Delegated rows. */
#define RESCORE_GAUGES_MAX	12
/* Directories that may be attached to one container, each with its subtree. */
#define RESCORE_ROOTS_MAX	16

/* Lengths include the terminating NUL. */
#define RESCORE_NAME_LEN	64	/* container */
#define RESCORE_RES_NAME_LEN	16	/* resource: 14 chars, rrd adds _held */
#define RESCORE_CTL_NAME_LEN	16	/* controller */
#define RESCORE_COMM_LEN	16

/* "unlimited": LONG_MAX, as in UBC. Finite bounds are at most 2^62. */
#define RESCORE_UNLIMITED	((__s64)0x7fffffffffffffffLL)
#define RESCORE_BOUND_MAX	((__s64)1 << 62)

/* Which bound a charge is checked against. */
enum rescore_severity {
	RESCORE_HARD	= 0,	/* refused above the barrier */
	RESCORE_SOFT	= 1,	/* refused above the limit */
	RESCORE_FORCE	= 2,	/* never refused */
};

/* struct rescore_line.flags */
enum rescore_line_flags {
	RESCORE_OBSERVE	= 1,	/* count and report refusals, refuse nothing */
	RESCORE_WRITTEN	= 2,	/* delegated bounds were set through rescore */
	RESCORE_GATED	= 4,	/* ask the gate (rescore_meta.gate) first */
	RESCORE_UNCOUNTED = 8,	/* held is unknown: the cgroup controller is not
				 * enabled for some of its cgroups
				 */
};

/*
 * One resource of one container: one cache line. Written by the programs with
 * atomic instructions; barrier, limit and flags are written by user space.
 */
struct rescore_line {
	__s64 held;		/* charged now, in the resource's unit */
	__s64 maxheld;		/* highest held since creation or reset */
	__s64 peak;		/* same; `rstat collect` swaps it for held */
	__u64 failcnt;		/* refused (observe: would have been) */
	__s64 barrier;
	__s64 limit;
	__u64 underflow;	/* uncharges that took held below 0: bugs */
	__u32 flags;		/* enum rescore_line_flags */
	__u32 parent;		/* slot of the level above; 0 = none */
};

/* The programs' own, see gate.h: what they saw last of RESCORE_GATE's line. */
struct rescore_gate {
	__s64 seen;	/* charges left << 32 | tick; the library makes it 0 */
	__u64 reserved[7];
};

struct rescore_row {
	union {
		struct rescore_line line[RESCORE_RESOURCES_MAX];
		struct {
			/* all that can be registered: no resource has the last id */
			struct rescore_line registered[RESCORE_REGISTERED_MAX];
			struct rescore_gate gate;
		};
	};
};

enum rescore_unit {
	RESCORE_COUNT	= 0,	/* items */
	RESCORE_BYTES	= 1,
	RESCORE_PAGES	= 2,	/* of 4096 bytes, whatever the kernel's size */
	RESCORE_NSEC	= 3,	/* nanoseconds */
	RESCORE_PERCENT	= 4,	/* of one CPU */
};

enum rescore_resource_flags {
	RESCORE_DENIABLE	= 1,	/* a charge can be refused */
	RESCORE_DELEGATED	= 2,	/* the kernel's own engine enforces */
	RESCORE_MOVES		= 4,	/* the charge follows a moved task */
	RESCORE_INITIAL		= 8,	/* bounds start at .initial */
	RESCORE_GUARANTEE	= 16,	/* the barrier is promised, not enforced */
	RESCORE_ZERO_NONE	= 32,	/* a bound of 0 means unlimited */
	RESCORE_GATE		= 64,	/* above its barrier no row that counts
					 * things takes more */
	RESCORE_CHOSEN		= 128,	/* held is what the bound says, and so
					 * is never near it */
};

enum rescore_state {
	RESCORE_OFF	= 0,	/* see why[] */
	RESCORE_ON	= 1,
};

/*
 * A resource as its controller describes it (section .rodata.resources of the
 * controller's object) and as it stands in the registry. The controller leaves
 * id, gauge, state, controller and why to the loader.
 */
struct rescore_resource {
	char name[RESCORE_RES_NAME_LEN];
	char controller[RESCORE_CTL_NAME_LEN];
	__u32 id;		/* index of its line in every row */
	__u32 unit;		/* enum rescore_unit */
	__u32 flags;		/* enum rescore_resource_flags */
	__u32 state;		/* enum rescore_state */
	__s32 err;		/* errno that the refused caller sees, > 0 */
	__u32 ubc_index;	/* row in UBC's own order, 1-based; 0 = none */
	__u32 objects;		/* bit mask of enum rescore_object: each one
				 * recorded is one held; 0 = not by objects
				 */
	char help[116];		/* one phrase */
	char why[112];		/* why it is off */
	/* Unit + 1 of held and of maxheld (and peak) where it is not that of
	 * the bounds; 0 = the same. Rows with two units have no percentage.
	 */
	__u16 held_unit;
	__u16 peak_unit;
	__u32 gauge;		/* delegated: index of its gauge */
	__s64 initial;		/* with RESCORE_INITIAL: both bounds at first */
	__s64 least;		/* bounds of a row with a range; most 0 = none */
	__s64 most;
};

/*
 * A delegated bound is enforced by the kernel's own engine: it is the text of
 * a file in the directory of each root of the container. The controller says
 * which, in section .rodata.knobs; they are written in that order.
 */
enum rescore_knob_form {
	RESCORE_KNOB_AMOUNT	= 0,	/* bound * scale */
	RESCORE_KNOB_WEIGHT	= 1,	/* bound / scale, 1 to 10000 */
	RESCORE_KNOB_QUOTA	= 2,	/* percent -> "quota period", us */
	RESCORE_KNOB_BURST	= 3,	/* limit - barrier, as us of that period */
	RESCORE_KNOB_CPUS	= 4,	/* number of CPUs -> list of CPUs */
	RESCORE_KNOB_CLEAR	= 5,	/* "0", before others are written */
	RESCORE_KNOB_ENGINE	= 6,	/* not written: has to be there, that the
					 * engine counts what is bounded elsewhere
					 */
	RESCORE_KNOB_HELD	= 7,	/* not written: what held is to agree with,
					 * held * scale
					 */
};

enum rescore_knob_flags {
	RESCORE_KNOB_LIMIT	= 1,	/* follows the limit, not the barrier */
	RESCORE_KNOB_ZERO_NONE	= 2,	/* 0 is written as unlimited */
	RESCORE_KNOB_COARSE	= 8,	/* HELD: held / scale */
	RESCORE_KNOB_COUNTS	= 4,	/* nothing is counted without its cgroup
					 * controller: enabled at creation
					 */
	RESCORE_KNOB_SHARE	= 16,	/* what a new container has is a share among
					 * the others only with its cgroup
					 * controller: enabled at creation, where
					 * the cgroup is the container's own
					 */
};

struct rescore_knob {
	char resource[RESCORE_RES_NAME_LEN];
	char file[32];		/* "memory.max" */
	char engine[16];	/* cgroup controller that has to be enabled */
	char unlimited[16];	/* text for unlimited, and of a new cgroup */
	char key[24];		/* HELD: the line of the file, "" = there is one */
	__u32 id;		/* of the resource; by the loader */
	__u32 form;		/* enum rescore_knob_form */
	__u32 flags;		/* enum rescore_knob_flags */
	__u32 scale;
	__u64 reserved;
};

/*
 * What is worth knowing beside a row: section .rodata.figures. Its value is
 * rescore_gauges.figure[id].
 */
struct rescore_figure {
	char name[24];
	char resource[RESCORE_RES_NAME_LEN];
	__u32 id;		/* by the loader */
	__u32 unit;		/* enum rescore_unit */
	__u32 scale;		/* the value is this many times as large; 0 = 1 */
	__u32 grows;		/* a count since the beginning: draw its rate */
	char help[72];
};

/* A delegated row between two readings; the programs' own. */
struct rescore_gauge {
	__s64 held;		/* sums over the roots, of this reading */
	__s64 mark;		/* the kernel's own peak */
	__s64 count;		/* failures since the cgroup was made */
	__s64 last_mark;	/* at the last reading; rates: held then */
	__s64 last_count;
	__u64 last_ns;		/* rates: when */
	__s64 own[2];		/* the controller's */
};

struct rescore_gauges {
	__u64 walk;		/* the reading that the sums are of */
	__u64 serial;		/* of the container that was read */
	__u64 primed;		/* serial: counts before that are not ours */
	__u64 unknown;		/* bits: lines that are not counted there */
	__u64 root;		/* where its only root was found last */
	__u64 reserved[3];
	__s64 figure[RESCORE_FIGURES_MAX];
	__s64 sum[RESCORE_FIGURES_MAX];
	struct rescore_gauge line[RESCORE_GAUGES_MAX];	/* by .gauge */
};

/*
 * A module of the kernel whose functions the controller has programs on: section
 * .rodata.modules. The loader sees to it that it is loaded.
 */
#define RESCORE_MODULE_LEN	56	/* the kernel's own bound */

struct rescore_module {
	char name[RESCORE_MODULE_LEN];
};

/* A program, for `rlimitctl status`. */
struct rescore_hook {
	char name[48];		/* <resource>__<what>[__<variant>] */
	char target[64];	/* where it attaches, as in its section name */
	char controller[RESCORE_CTL_NAME_LEN];
	char why[112];		/* why it is off */
	__u32 state;		/* enum rescore_state */
	__u32 reserved[3];
};

enum rescore_container_state {
	RESCORE_FREE	= 0,
	RESCORE_LIVE	= 1,
	RESCORE_DYING	= 2,	/* destroyed; waits for its last charge to go */
};

enum rescore_container_flags {
	RESCORE_OWN_CGROUP	= 1,	/* roots[0] was made by rescore */
};

struct rescore_container {
	char name[RESCORE_NAME_LEN];
	__u64 serial;		/* creation number, not used twice in a load */
	__u64 created_ns;	/* CLOCK_REALTIME */
	__u32 state;		/* enum rescore_container_state */
	__u32 flags;		/* enum rescore_container_flags */
	__u32 parent;		/* slot of the level above; 0 = none */
	__u32 nr_roots;
	__u64 roots[RESCORE_ROOTS_MAX];	/* ids of the attached cgroups */
	__u64 reserved[3];
	/* Until then (CLOCK_BOOTTIME) its tasks are refused nothing: it is being
	 * checkpointed or restored. Who does that renews it; so if he dies it ends.
	 */
	__u64 lease_ns;
};

/*
 * A set of (48-bit key, 16-bit slot) pairs in one cache line: entry = key << 16
 * | slot, 0 = empty. Changed by compare-and-swap only. A removed entry becomes
 * RESCORE_TOMB, so that a look-up can end at the first empty one.
 *
 * members: key = id of a cgroup.
 * payers: key = the object's address and its kind, enum rescore_object. The 46
 * low bits of an address tell all objects apart, since Linux maps at most 64 TiB
 * of memory with 4-level page tables (the loader refuses a machine with more).
 * The kind's three low bits are in the address's three lowest, which alignment
 * leaves free, its other two above the address.
 */
#define RESCORE_BUCKET_ENTRIES	8
/* log2 of the number of buckets that members has at most: 1 MiB */
#define RESCORE_MEMBERS_BITS	14
#define RESCORE_TOMB		(~(__u64)0)
#define RESCORE_KEY_BITS	48
#define RESCORE_ADDRESS_BITS	46
#define RESCORE_ADDRESS_MASK	((1ULL << RESCORE_ADDRESS_BITS) - 1)
#define RESCORE_KIND_KEY(kind)			\
	(((__u64)(kind) & 7) | (__u64)(kind) >> 3 << RESCORE_ADDRESS_BITS)
#define RESCORE_KEY_KIND(key)			\
	((unsigned int)(((key) & 7) | (key) >> RESCORE_ADDRESS_BITS << 3))
#define RESCORE_KEY_ADDRESS(key)		((key) & RESCORE_ADDRESS_MASK & ~7ULL)

#define RESCORE_PAYERS_SPARE	1024	/* see rescore_payers_room() */

struct rescore_bucket {
	__u64 entry[RESCORE_BUCKET_ENTRIES];
};

enum rescore_object {
	RESCORE_OBJ_FILE	= 0,	/* struct file: numfile */
	RESCORE_OBJ_TASK	= 1,	/* struct task_struct: numproc */
	RESCORE_OBJ_LOCK	= 2,	/* struct file_lock: numflock */
	RESCORE_OBJ_LOCK_CREDIT	= 3,	/* task: a lock it may still make */
	RESCORE_OBJ_PTY		= 4,	/* struct file of a pty master: numpty */
	RESCORE_OBJ_PTY_CREDIT	= 5,	/* task: a pty it may still make */
	RESCORE_OBJ_SOCK	= 6,	/* struct sock: numtcpsock */
	RESCORE_OBJ_ADMIN	= 7,	/* task whose charges are never refused */
	RESCORE_OBJ_OTHERSOCK	= 8,	/* struct sock: numothersock */
	RESCORE_OBJ_SIGINFO	= 9,	/* struct sigqueue: numsiginfo */
	RESCORE_OBJ_NFT		= 10,	/* nft_rule, set element: numiptent */
	RESCORE_OBJ_XT		= 11,	/* entry of a table of x_tables: numiptent */
	RESCORE_OBJ_KINDS	= 32,
};

/* golden-ratio hash: multiplicative, Knuth, TAOCP vol. 3, 6.4 */
#define RESCORE_HASH_MUL	0x9E3779B97F4A7C15ULL

/*
 * What a program <resource>__truth writes for the audit: an object and what the
 * kernel says that it holds, at most @amount and at least @slack less. The same key
 * may come several times. Such a program is on iter/task, or on iter/bpf_map_elem:
 * over the resource's amounts, or, as <resource>__truth__payers and __truth__more,
 * over payers and payers_more. Of several programs (<resource>__truth_…) each has
 * objects of its own.
 */
struct rescore_truth {
	__u64 key;
	__s64 amount;
	__u32 slot;		/* that pays */
	__u32 slack;
};

/*
 * What programs <resource>__audit_… or <controller>__audit_… write for the audit: an
 * object that the kernel has, whoever pays for it. One on iter/task, task_file or
 * task_vma lists those of all tasks, one on another iterator those of one network
 * namespace. The same object may come several times.
 */
struct rescore_found {
	__u64 address;
	__u64 cgroup;		/* id: of its maker, or of its listener's */
	__u32 kind;		/* enum rescore_object */
	__u32 unknown;		/* who has to pay cannot be told from that */
};

/* And asks …__audit_live, a program that is run by a system call. */
struct rescore_alive {
	__u64 address;		/* as it stands in a payer's key */
	__u64 references;	/* 0: it is gone */
};

/*
 * Of <resource>__census: a program that is run by a system call before the audit
 * looks at the row, and goes through the lists that modules of the kernel keep.
 */
struct rescore_census {
	__u64 reserved[2];	/* 0 */
};

enum rescore_event_kind {
	RESCORE_EV_REFUSED	= 1,	/* a charge was refused */
	RESCORE_EV_OBSERVED	= 2,	/* would have been: mode observe */
	RESCORE_EV_NO_PAYER	= 3,	/* refused: its payer had no room */
	RESCORE_EV_NO_MEMBER	= 4,	/* a new cgroup had no room */
};

/*
 * One entry of the ring. seq is RESCORE_EVENT_BUSY while the entry is being
 * written and its number (from 1) when it is whole: a reader copies it and looks
 * again. The newest overwrite the oldest, so there may be any number of readers
 * and none can hold the writers up.
 */
#define RESCORE_EVENT_BUSY	(~(__u64)0)

struct rescore_event {
	__u64 seq;
	__u64 time_ns;		/* CLOCK_BOOTTIME */
	__u64 serial;		/* of the container */
	__s64 held;		/* as it stood; not with the amount */
	__s64 bound;		/* that refused */
	__s64 amount;
	__u32 suppressed;	/* since the last event of this line */
	__u32 pid;		/* thread group, host's pid namespace */
	__u32 tid;
	__u16 slot;
	__u8 resource;		/* id */
	__u8 kind;		/* enum rescore_event_kind */
	__u8 severity;		/* enum rescore_severity: which bound */
	__u8 reserved[7];
	char comm[RESCORE_COMM_LEN];
	__u64 pad[5];
};

/* Events of one line: at most RESCORE_EVENT_BURST in RESCORE_EVENT_WINDOW. */
#define RESCORE_EVENT_BURST	10
#define RESCORE_EVENT_WINDOW	1000000000ULL	/* ns */

/* The low bits of a window's start count its reports. */
#define RESCORE_EVENT_COUNT	15ULL

struct rescore_throttle {
	struct {
		__u64 window;	/* start, CLOCK_BOOTTIME; and the count */
		__u32 suppressed;
		__u32 reserved;
	} line[RESCORE_RESOURCES_MAX];
};

#define RESCORE_STRIPES_BITS	4
#define RESCORE_STRIPES		(1 << RESCORE_STRIPES_BITS)

/* A part of a count, in a cache line of its own. */
struct rescore_stripe {
	__u64 n;
	__u64 reserved[7];
};

struct rescore_meta {
	__u32 abi;		/* RESCORE_ABI */
	/* Programs act only while this equals the number they were loaded
	 * with: an upgrade attaches the new ones, then changes it.
	 */
	__u32 generation;	/* 0: none acts */
	__u32 nr_slots;
	__u32 nr_resources;
	__u32 nr_hooks;
	__u32 nr_events;	/* size of the ring, a power of two */
	__u32 members_bits;	/* log2 of the number of buckets in use */
	__u32 payers_bits;
	__u64 event_head;	/* events ever written */
	__u64 next_serial;
	__u64 members_overflow;	/* entries in members_more */
	__u64 members_lost;	/* cgroups that could not be recorded */
	__u64 payers_overflow;
	__u64 payers_lost;	/* objects refused for want of room */
	__u64 missed_frees;	/* found again at a new object's address */
	__u64 pty_credits;	/* outstanding RESCORE_OBJ_PTY_CREDIT */
	__u64 admins;		/* outstanding RESCORE_OBJ_ADMIN */
	__u64 loaded_ns;	/* CLOCK_REALTIME */
	char version[24];	/* of the loader */
	/* Rows of user_beancounters in their order: id + 1; 0 ends the list. */
	__u8 ubc_rows[RESCORE_RESOURCES_MAX];
	/* Request to the cgroup walk (core__adopt), under the lock of the pin
	 * directory: cgroups recorded for adopt_from become adopt_to (0: none).
	 */
	__u32 adopt_from;
	__u32 adopt_to;
	__u32 adopt_dry;	/* only count */
	__u32 adopt_changed;
	__u32 adopt_foreign;	/* recorded for another container: left alone */
	__u32 adopt_failed;	/* no room */
	__u64 base;		/* address of this struct in the kernel */
	__u32 nr_knobs;
	__u32 nr_figures;
	__u32 gate;		/* id + 1 of the row with RESCORE_GATE */
	__u32 from, to;		/* while generation is RESCORE_HANDOVER */
	__u32 partial;		/* not all controllers were asked for */
	__u64 lease_ns;		/* the longest of all containers; 0: there is none */
	__u64 reserved[3];
	/* Outstanding RESCORE_OBJ_LOCK_CREDIT, or more, of tasks by the upper bits
	 * of their address x RESCORE_HASH_MUL: so that one CPU seldom waits for
	 * what another writes.
	 */
	struct rescore_stripe lock_credits[RESCORE_STRIPES];
};

/*
 * An upgrade attaches new programs (generation @to) beside the old ones (@from)
 * and then makes this the generation until the old ones are detached: see
 * kernel/rescore/handover.h.
 */
#define RESCORE_HANDOVER	0xffffffffU

/* A program as the handover knows it: FNV-1a of its name, by both sides. */
#define RESCORE_HASH_BASIS	2166136261U
#define RESCORE_HASH_PRIME	16777619U

/* One program of one task that has acted in a handover: the key of `turns`. */
struct rescore_turn {
	__u64 task;
	__u32 program;
	__u32 reserved;
};

/* Variables of the kernel that its BTF does not know. */
enum rescore_symbol {
	RESCORE_SYM_NR_CPU_IDS,
	RESCORE_SYM_PER_CPU_OFFSET,
	RESCORE_SYM_MEMCG_STATS_INDEX,
	RESCORE_SYMBOLS
};

/* What each object is told at load (section .rodata.config). */
struct rescore_config {
	__u32 generation;
	__u32 members_shift;	/* 64 - members_bits */
	__u32 payers_shift;
	__u32 events_mask;
	__u32 preemptible;	/* programs may be skipped, and are there twice */
	__u32 reserved;
	__u64 symbol[RESCORE_SYMBOLS];	/* addresses; 0: this kernel has none */
};

#define RESCORE_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " is ABI")

RESCORE_ASSERT_SIZE(struct rescore_line, 64);
RESCORE_ASSERT_SIZE(struct rescore_row, 2048);
RESCORE_ASSERT_SIZE(struct rescore_resource, 320);
RESCORE_ASSERT_SIZE(struct rescore_knob, 128);
RESCORE_ASSERT_SIZE(struct rescore_figure, 128);
RESCORE_ASSERT_SIZE(struct rescore_gauge, 64);
RESCORE_ASSERT_SIZE(struct rescore_gauges, 1088);
RESCORE_ASSERT_SIZE(struct rescore_hook, 256);
RESCORE_ASSERT_SIZE(struct rescore_container, 256);
RESCORE_ASSERT_SIZE(struct rescore_bucket, 64);
RESCORE_ASSERT_SIZE(struct rescore_truth, 24);
RESCORE_ASSERT_SIZE(struct rescore_found, 24);
RESCORE_ASSERT_SIZE(struct rescore_alive, 16);
RESCORE_ASSERT_SIZE(struct rescore_census, 16);
RESCORE_ASSERT_SIZE(struct rescore_event, 128);
RESCORE_ASSERT_SIZE(struct rescore_throttle, 512);
RESCORE_ASSERT_SIZE(struct rescore_meta, 1280);
RESCORE_ASSERT_SIZE(struct rescore_config, 48);

#endif /* RESCORE_ABI_H */
