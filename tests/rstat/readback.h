/* SPDX-License-Identifier: GPL-2.0 */
/* What a store holds, as `rstat fetch` and `rstat graph` see it. */
#ifndef READBACK_H
#define READBACK_H

#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include "child.h"
#include "track.h"

struct readback {
	struct blob blob;
	const struct track_row *row;
	size_t nr;
};

struct readback_job {
	const char *dir;
	struct track_query query;
};

static int readback_child(void *arg, FILE *out)
{
	struct readback_job *job = arg;
	struct store store;
	struct track track;
	int err = store_open(&store, job->dir);

	if (!err)
		err = track_read(&store, &job->query, &track);
	if (!err)
		fwrite(track.row, sizeof(*track.row), track.nr, out);
	return err;
}

static inline int readback(const char *dir, const char *container,
			   const char *serial, const char *resource,
			   struct readback *ret)
{
	struct readback_job job = {
		.dir = dir,
		.query = { .container = container,
			   .serial = serial,
			   .resource = resource },
	};
	int err;

	*ret = (struct readback){};
	err = child_run(readback_child, &job, &ret->blob);
	if (err)
		return err;
	ret->row = (const struct track_row *)(void *)ret->blob.data;
	ret->nr = ret->blob.len / sizeof(*ret->row);
	return 0;
}

static inline void readback_free(struct readback *back)
{
	blob_free(&back->blob);
}

/* The row of a stamp; one of NANs if there is none. */
static inline struct track_row readback_at(const struct readback *back,
					   int64_t stamp)
{
	for (size_t i = 0; i < back->nr; i++)
		if (back->row[i].stamp == stamp)
			return back->row[i];
	return (struct track_row){ stamp, NAN, NAN, NAN, NAN, NAN };
}

/* A new directory below $TMPDIR or /tmp; removed by tmp_remove(). */
static inline const char *tmp_make(void)
{
	static char dir[256];
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/rstat-test-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		perror(dir);
		exit(2);
	}
	return dir;
}

static inline void tmp_remove(const char *dir)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command))
		printf("# %s is left behind\n", dir);
}

#endif /* READBACK_H */
