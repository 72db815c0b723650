/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Containers that follow a script instead of a kernel, in times that are not
 * now: how the tests fill a store.
 */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch.h"
#include "record.h"
#include "say.h"
#include "store.h"
#include "writer.h"

/* A Monday; a multiple of an hour, and so of every step. */
#define SCRIPT_START	1763942400

struct script {
	struct store store;
	struct batch batch;
	struct schema schema;
	struct container_id id;
	struct reading reading[RESCORE_RESOURCES_MAX];
};

static inline void script_die(const char *what)
{
	printf("Bail out! %s: %s\n", what, failure());
	fflush(stdout);
	_exit(1);
}

static inline void script_resource(struct script *s, const char *name,
				   unsigned int unit)
{
	unsigned int i = s->schema.nr++;

	snprintf(s->schema.resource[i].name, sizeof(s->schema.resource[i].name),
		 "%s", name);
	s->schema.resource[i].unit = unit;
	s->reading[i] = (struct reading){
		.known = true,
		.bounds = { RESCORE_UNLIMITED, RESCORE_UNLIMITED },
	};
}

static inline void script_name(struct script *s, const char *name,
			       uint64_t serial, int64_t created)
{
	memset(&s->id, 0, sizeof(s->id));
	snprintf(s->id.name, sizeof(s->id.name), "%s", name);
	s->id.serial = serial;
	s->id.created = created;
}

static inline void script_open(struct script *s, const char *dir, int step)
{
	memset(s, 0, sizeof(*s));
	if (store_open_writer(&s->store, dir, step))
		script_die("store_open_writer");
	batch_init(&s->batch, step);
	script_name(s, "web", 1, SCRIPT_START - 86400);
}

static inline void script_close(struct script *s)
{
	batch_free(&s->batch);
	store_close(&s->store);
}

static inline void script_set(struct script *s, unsigned int i, int64_t held,
			      int64_t peak, uint64_t failcnt)
{
	s->reading[i].held = held;
	s->reading[i].peak = peak;
	s->reading[i].failcnt = failcnt;
	if (peak > s->reading[i].maxheld)
		s->reading[i].maxheld = peak;
}

static inline void script_bounds(struct script *s, unsigned int i,
				 int64_t barrier, int64_t limit)
{
	s->reading[i].bounds.barrier = barrier;
	s->reading[i].bounds.limit = limit;
}

static inline void script_sample(struct script *s, int64_t stamp)
{
	if (batch_add(&s->batch, 1, &s->id, &s->schema, s->reading, stamp))
		script_die("batch_add");
}

/* Through the writer, as the collector does it. */
static inline bool script_flush(struct script *s)
{
	struct writer writer = { .store = &s->store };
	bool done = true;

	if (writer_start(&writer, &s->batch))
		script_die("writer_start");
	writer_reap(&writer, true);
	for (struct series *series = s->batch.series; series;
	     series = series->next)
		done &= !series_pending(series);
	return done;
}

/*
 * In this process, for long histories: a writer per 60 samples takes its time.
 * Call it in a child: it changes the working directory.
 */
static inline void script_record(struct script *s)
{
	for (struct series *series = s->batch.series; series;
	     series = series->next) {
		struct recorded recorded;

		if (!series_pending(series))
			continue;
		if (record_series(&s->store, series, &recorded))
			script_die("record_series");
		series_written(series, recorded.stamp);
	}
}

/* Run @fn in a child of its own. */
static inline void script_child(void (*fn)(const char *dir), const char *dir)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		fn(dir);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		script_die("script_child");
}

#endif /* SCRIPTED_H */
