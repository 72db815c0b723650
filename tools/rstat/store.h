/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The directories of a store; layout.h says what is where. Every component is
 * opened by itself and never through a symbolic link.
 */
#ifndef RSTAT_STORE_H
#define RSTAT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "meta.h"

#define STORE_VERSION	1
#define STORE_STEP	60	/* of a new store, in seconds */

/* XX/ and a directory name: "%41" for "A" at worst, '@', serial, ".99". */
#define STORE_SERIES_LEN (RESCORE_NAME_LEN * 3 + 32)

struct store {
	char *path;	/* as the user gave it */
	char *real;	/* absolute, if cached is set */
	char *cached;	/* address of the rrdcached that writes it, or NULL */
	int fd;
	int lock;	/* -1 when only reading */
	int step;
};

/* Messages in failure() name the store's path. */
int store_open(struct store *ret_store, const char *path);
/*
 * For the one collector: made if it does not exist, and locked. @step 0: that
 * of the store, or STORE_STEP.
 */
int store_open_writer(struct store *ret_store, const char *path, int step);
void store_close(struct store *store);

/*
 * DIR/rrdcached says through which daemon the files are written, for those who
 * read. A store that has it must not be written directly: the daemon's journal
 * may still be replayed, and its older samples would then be refused.
 */
int store_set_cached(struct store *store, const char *address);

/* Where one series is. */
struct series_dir {
	int fd;
	char path[STORE_SERIES_LEN];	/* below the store */
};

void series_dir_close(struct series_dir *dir);

/*
 * The directory of container @id, made (with a new meta.json) if there is
 * none, and its meta.json. @first: stamp of the sample to be stored.
 */
int store_writer_series(const struct store *store,
			const struct container_id *id, int64_t first,
			struct series_dir *ret_dir, struct meta *ret_meta);
/* The first directory of that name and serial, if there is one. */
int store_open_directory(const struct store *store,
			 const struct container_id *id,
			 struct series_dir *ret_dir);
int store_write_meta(const struct series_dir *dir, const struct meta *meta);

/* The same for a series that must exist, for reading; @dir->path says which. */
int store_open_series(const struct store *store, struct series_dir *dir,
		      struct meta *ret_meta);

/*
 * Of the containers called @name, the one made last; with @series ("17",
 * "17.2") that one. -ENOENT: there is none.
 */
int store_find_series(const struct store *store, const char *name,
		      const char *series, struct series_dir *ret_dir,
		      struct meta *ret_meta);

/* "17" or "17.2": what stands behind the '@'. */
const char *series_dir_serial(const struct series_dir *dir);

/*
 * Calls @visit for every series, sorted by directory. @meta NULL: it cannot be
 * read; why is in failure(). Stops at a non-zero result and returns it.
 */
int store_each(const struct store *store,
	       int (*visit)(void *arg, const struct series_dir *dir,
			    const struct meta *meta),
	       void *arg);

/* The same without opening anything: paths for store_open_series(). */
int store_each_path(const struct store *store,
		    int (*visit)(void *arg, const char *path), void *arg);

/* "web%3A1"; "ab/web%3A1@17" with @series > 1 appended as ".N". */
void store_encode(const char *name, char *buf, size_t size);
void store_series_path(const struct container_id *id, unsigned int series,
		       char buf[STORE_SERIES_LEN]);

#endif /* RSTAT_STORE_H */
