/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Updates through rrdcached, by its own protocol: librrd's client waits for an
 * answer to every single one. In a child process; nothing here waits for ever.
 */
#ifndef RSTAT_CACHED_H
#define RSTAT_CACHED_H

#include <stddef.h>
#include <stdint.h>

#define CACHED_LINE_MAX	4000	/* longer ones are cut off in its journal */

/* Is it an address: "unix:PATH", "/PATH", "HOST", "HOST:PORT", "[IPv6]:PORT"? */
int cached_check(const char *address);

struct cached;

/* -EINVAL: no address. Others: it is not there. */
int cached_open(struct cached **ret_cached, const char *address);
void cached_close(struct cached *cached);

/*
 * The name by which the daemon knows a file of the store at @dir: the whole
 * path on a local socket, else the path below its base directory (-b), which
 * must be the same store.
 */
int cached_path(const struct cached *cached, const char *dir, const char *file,
		char *buf, size_t size);

/* Have what waits for @path written. Nothing waits, or no such file: 0. */
int cached_flush(struct cached *cached, const char *path);

/*
 * Add rows ("stamp:v:v…") to the batch. @owner is given back when one of them
 * is refused. Sends nothing yet.
 */
int cached_add(struct cached *cached, unsigned int owner, const char *path,
	       int nr, const char *const *row);
size_t cached_waiting(const struct cached *cached);	/* bytes */

/*
 * Send the batch; calls @refused for each line that the daemon did not take.
 * On failure nothing is known about any line of the batch.
 */
int cached_send(struct cached *cached,
		void (*refused)(void *arg, unsigned int owner,
				const char *message),
		void *arg);

#endif /* RSTAT_CACHED_H */
