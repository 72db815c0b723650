/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of containment share. */
#ifndef RESCORE_CT_INTERNAL_H
#define RESCORE_CT_INTERNAL_H

#include <limits.h>

#include "internal.h"
#include "rescore_ct.h"

enum ct_key {
	CT_ROOTFS,
	CT_OVERLAY,
	CT_UPPER,
	CT_HOSTNAME,
	CT_NET,
	CT_USERNS,
	CT_PROC,
	CT_CAP,
	CT_SHARE,
	CT_BIND,
	CT_TMPFS,
	CT_ENV,
	CT_INIT,
	NR_CT_KEYS,
};

struct ct_list {
	char **value;
	size_t n;
};

struct rescore_ct {
	struct ct_list key[NR_CT_KEYS];
};

/* --- ct_config.c --- */
const char *ct_first(const struct rescore_ct *ct,
		     enum ct_key key); /* or NULL */
/* Is the first value of @key @text? */
bool ct_is(const struct rescore_ct *ct, enum ct_key key, const char *text);

/* --- ct_values.c: what the values mean. All: 0, or -EINVAL with the reason --- */
int ct_check_value(enum ct_key key, const char *value);

struct ct_bind {
	char from[PATH_MAX], to[PATH_MAX];
	bool read_only;
	bool slave;		/* what the host mounts below it appears in it */
};
int ct_parse_bind(const char *text, struct ct_bind *ret);

struct ct_map {
	uint32_t inside, outside, count;
};
/* "host": count 0. "auto": 65536 ids of its own for @slot. */
int ct_parse_userns(const char *text, unsigned int slot, struct ct_map *ret);

enum ct_net_mode { CT_NET_NONE, CT_NET_HOST, CT_NET_VETH, CT_NET_IP };
#define CT_ADDRESSES_MAX	16
struct ct_address {
	int family;		/* AF_INET, AF_INET6 */
	unsigned int bits;	/* of the network */
	uint8_t byte[16];
};
struct ct_net {
	enum ct_net_mode mode;
	char bridge[16];	/* "" = none */
	struct ct_address address[CT_ADDRESSES_MAX];
	unsigned int n;
};
int ct_parse_net(const char *text, struct ct_net *ret);

/* CLONE_NEW* flags of namespaces shared with the host. */
int ct_parse_share(const char *text, unsigned long *ret_flags);
/* Bits of the capabilities that remain. */
int ct_parse_caps(const char *text, uint64_t *ret_caps);

/* --- ct_caps.c --- */
extern const uint64_t ct_default_caps;
/* The process and all it executes have @caps at most, and gain none. */
int ct_limit_caps(uint64_t caps);
/* All that are permitted are effective: ct_act_as() takes some away. */
int ct_use_caps(void);
/* --- ct_seccomp.c --- */
int ct_limit_calls(void);

/* --- ct_state.c --- */
bool ct_is_frozen(const struct rescore *rs, unsigned int slot);
/* The container's first process; its pidfd or -ESRCH. */
int ct_init_pidfd(const char *name, pid_t *ret_pid);
int ct_note_init(const char *name, pid_t pid);
void ct_forget_init(const char *name);
/* Make @path and what is above it, for root only. */
int ct_make_dirs(const char *path);
void ct_path(char *ret, size_t size, const char *base, const char *name,
	     const char *file);

/* --- ct_path.c: paths inside a root that may be hostile --- */
/* Open @path as if @root were /: no link leads out. O_PATH fd or -errno. */
int ct_open_in(int root, const char *path, int flags);
/* Make folders, and a file if @file, as far as they are not there. O_PATH fd. */
int ct_make_in(int root, const char *path, bool file);

/* --- ct_mount.c --- */
/* A new file system, not yet attached. fd or -errno; @options: "k=v" or "k", NULL. */
int ct_new_mount(const char *type, const char *const *options, uint64_t attrs);
/* A copy of what is at @fd. @userns >= 0: ids mapped by it. fd or -errno. */
int ct_clone_mount(int fd, bool recursive, uint64_t attrs, int userns);
/* Attach @mount (closed in any case) at @target, an O_PATH fd. */
int ct_attach_mount(int mount, int target);
/* The same at @path below @root, which is made when missing. */
int ct_attach_in(int mount, int root, const char *path, bool file);

/* --- starting --- */

struct ct_report {
	int err;
	int from_exec;		/* err is execve()'s; no text */
	char text[480];
};

struct ct_start {
	const char *name;
	unsigned int slot;
	struct rescore_ct *ct;
	char *const *argv;
	struct ct_net net;
	struct ct_map map;
	uint64_t caps;
	unsigned long shared;	/* CLONE_NEW* */
	int cgroup_fd;
	int userns_fd;		/* -1: the host's */
	int report_fd;
	int log_fd;
	int lock_fd;
	char root[PATH_MAX];	/* where its root file system is put together */
};

/* --- ct_start.c --- */
/*
 * What is stored of container @slot into @s, under the lock that excludes other
 * starts, until ct_start_end(). 0 or -errno.
 */
int ct_start_begin(const struct rescore *rs, unsigned int slot,
		   struct ct_start *s);
void ct_start_end(struct ct_start *s);
/* The lock alone. */
int ct_start_lock(struct ct_start *s);
/* The values of @s->ct. */
int ct_start_parse(struct ct_start *s);
/* Its cgroup and its log, with O_TRUNC in @log_flags if it is to begin anew. */
int ct_start_open(const struct rescore *rs, struct ct_start *s, int log_flags);
/* -EALREADY: it runs. -EBUSY: something of it does. */
int ct_check_idle(const struct rescore *rs, const struct ct_start *s);

/*
 * ct_state.c: /proc/PID/stat, read into @line, from behind the name on (which may
 * have blanks and brackets); NULL: there is no such process.
 */
const char *ct_stat_after_name(pid_t pid, char *line, size_t size);

/*
 * ct_lease.c: before container @s, which has no process, runs again. One that a
 * restore was making when it was killed gets its own bounds back: its lease ends,
 * and what the kernel keeps itself is written again. One that is frozen is thawed.
 */
int ct_recover(struct rescore *rs, const struct ct_start *s);

/* ct_limits.c: write bounds in the table to the cgroup's files again. */
int ct_limits_restate(struct rescore *rs, unsigned int slot);

/* ct_stop.c: thaw one without processes; -EBUSY: a cgroup above it is frozen. */
int ct_thaw_empty(struct rescore *rs, unsigned int slot);

/* ct_stop.c: its processes have been killed; all that is left of its run goes. */
int ct_stopped(struct rescore *rs, unsigned int slot);

/* ct_userns.c: a user namespace that maps as @map says; fd or -errno. */
int ct_make_userns(const struct ct_map *map);
int ct_write_maps(pid_t pid, const struct ct_map *map);
/* Act on files as the container's root does; @map NULL: as ourselves again. */
void ct_act_as(const struct ct_map *map);

/* ct_rootfs.c: in the host's user namespace. Root at s->root. */
int ct_build_root(const struct ct_start *s);
/* ct_inside.c: in the container's first process. */
int ct_move_in(const struct ct_start *s);
/* Give up what the container's processes may not have. */
int ct_confine(uint64_t caps);

/* ct_netlink.c */
int ct_make_veth(const struct ct_start *s, pid_t pid);
int ct_configure_net(const struct ct_net *net);
void ct_veth_name(unsigned int slot, char *ret, size_t size);
/* ct_ip.c: hold the cgroup's sockets to the container's addresses. */
int ct_restrict_addresses(const struct ct_start *s);

/* ct_image.c: write the container's init to the tmpfs at CT_INIT_DIR. */
#define CT_INIT_DIR	"/dev/rescore"
#define CT_INIT_NAME	"rescore-init"
#define CT_INIT_PATH	CT_INIT_DIR "/" CT_INIT_NAME
int ct_place_init(int root);

/* ct_env.c: of its processes; NULL: no memory. */
char **ct_environment(const struct rescore_ct *ct);

/* ct_tty.c: copy between our terminal and @master until @pidfd is ready. */
int ct_relay(int master, int pidfd);

/* programs.c: the program behind rescore_enter(), for later; fd or -errno */
int rescore_admin_program(void);
int rescore_become_admin(int program, bool lasting);

#endif /* RESCORE_CT_INTERNAL_H */
