/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoints: a folder of CRIU's images and rescore.json, which has what CRIU does
 * not know. CRIU runs as a program: rescore needs no library of it, a machine
 * without it lacks this one verb, and every version has the same options.
 *
 * It shares the container's network and cgroup namespaces, so that it neither has
 * to lock nor to rebuild them; the root file system and what is bound into it are
 * put together as at a start.
 */
#ifndef RESCORE_CT_CRIU_H
#define RESCORE_CT_CRIU_H

#include "ct_json.h"

#define CT_SAVED	"rescore.json"

/* Words of a command line, each malloc()ed. */
struct ct_words {
	char **word;		/* NULL at the end */
	size_t n;
	int err;
};

/* --- ct_criu.c --- */
void ct_word(struct ct_words *words, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void ct_words_free(struct ct_words *words);

struct ct_criu {
	struct rescore *rs;
	unsigned int slot;	/* gets a lease, which the caller ends */
	const char *dir;	/* of the images */
	const char *log;	/* name in it */
	struct ct_words words;
	/*
	 * In the process that becomes criu. 0, or an error that is reported as this
	 * call's.
	 */
	int (*prepare)(void *arg);
	/*
	 * In the caller, while criu waits: it has come to @action ("post-dump", ...),
	 * @init is the container's first process as we see it, @criu its own. An error
	 * makes it give up.
	 */
	int (*at)(const char *action, pid_t init, pid_t criu, void *arg);
	const char *const *actions;	/* at which ones; NULL at the end */
	void *arg;
};
/* 0 once criu has ended well. */
int ct_criu_run(struct ct_criu *criu);
/* -EOPNOTSUPP: there is none. */
int ct_criu_find(char *ret_path, size_t size);

/* --- ct_lease.c: refuse @slot nothing for a while; again to renew it --- */
void ct_lease(struct rescore *rs, unsigned int slot);
void ct_lease_end(struct rescore *rs, unsigned int slot);
/* While it is being restored its bounds stand open: for who finds it later. */
int ct_note_restore(const char *name);
void ct_forget_restore(const char *name);

/* --- ct_outside.c: mounts that are not the container's alone --- */
/*
 * Of process @pid: a list of { "at": MOUNT POINT, "from": where it comes from at a
 * restore }. "root:PATH": what is at PATH in the root file system that a start puts
 * together, "host:PATH": in the host's, "empty": an empty folder.
 */
int ct_outside_mounts(const struct ct_start *s, pid_t pid, json_t **ret);
/* In the builder: a place in @base for each, named in criu's words. */
int ct_outside_places(const struct ct_start *s, const char *base,
		      const json_t *mounts, struct ct_words *words);

#endif /* RESCORE_CT_CRIU_H */
