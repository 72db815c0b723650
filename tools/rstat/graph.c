// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "child.h"
#include "graph.h"
#include "rrd_shim.h"
#include "say.h"

#define WIDTH		860
#define HEIGHT		300
#define CPU_SECONDS	60	/* for one picture: thousands of times enough */
/* The view is at least so many samples wide: one alone is a bar, no wall. */
#define SAMPLES_MIN	5

struct job {
	const struct args *args;
	enum graph_format format;
};

int graph_format_of(const char *path, enum graph_format *ret_format)
{
	static const struct {
		const char *ending;
		enum graph_format format;
	} formats[] = {
		{ ".png", GRAPH_PNG },
		{ ".svg", GRAPH_SVG },
		{ ".pdf", GRAPH_PDF },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcasecmp(dot, formats[i].ending)) {
			*ret_format = formats[i].format;
			return 0;
		}
	return fail(EINVAL, "--output '%s': end it in .png, .svg or .pdf",
		    path);
}

static void put_xml(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
}

/*
 * cairo draws letters as outlines: what the picture says would be lost to
 * screen readers and searches. Put it in as words, right behind "<svg …>".
 */
static void put_svg(const struct blob *image, const struct track *track,
		    const struct graph_summary *s, FILE *out)
{
	const char *svg = strstr(image->data, "<svg");
	const char *end = svg ? strchr(svg, '>') : NULL;
	unsigned int unit = track->resource->unit;
	char last[32], high[32], barrier[32], limit[32], failed[32];
	size_t head;

	if (!end) {
		fwrite(image->data, 1, image->len, out);
		return;
	}
	head = (size_t)(end + 1 - image->data);
	fwrite(image->data, 1, head, out);
	fputs("\n<title>", out);
	put_xml(track->meta.id.name, out);
	fprintf(out,
		" · %s</title>\n<desc>held %s, peak %s, barrier %s, "
		"limit %s, failures %s</desc>",
		track->resource->name,
		unit_format(s->last, unit, last, sizeof(last)),
		unit_format(s->highest, unit, high, sizeof(high)),
		unit_format(s->barrier, unit, barrier, sizeof(barrier)),
		unit_format(s->limit, unit, limit, sizeof(limit)),
		unit_format(s->failures, RESCORE_COUNT, failed,
			    sizeof(failed)));
	fwrite(end + 1, 1, image->len - head, out);
}

/* fontconfig and pango have things to say that help nobody. */
static void silence(void)
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd < 0)
		return;
	(void)dup2(fd, STDERR_FILENO);
	close(fd);
}

static int render(const struct job *job, const struct track *track, FILE *out)
{
	struct graph_size size = {
		.width = job->args->width ? job->args->width : WIDTH,
		.height = job->args->height ? job->args->height : HEIGHT,
	};
	struct graph_text text = {};
	struct graph_summary summary;
	struct graph_axis axis;
	struct blob image = {};
	int err;

	graph_summarize(track, &summary);
	graph_axis(track, &summary, &axis);
	graph_arguments(track, &summary, &axis, size, job->format, &text);
	if (text.failed) {
		err = fail(ENOMEM, "no memory");
	} else {
		silence();
		err = rrd_shim_graph(text.nr, (const char **)text.v, &image);
	}
	if (!err && job->format == GRAPH_SVG)
		put_svg(&image, track, &summary, out);
	else if (!err)
		fwrite(image.data, 1, image.len, out);
	blob_free(&image);
	text_free(&text);

	return err;
}

/* In the child. */
static int draw(void *arg, FILE *out)
{
	const struct job *job = arg;
	const struct args *args = job->args;
	struct track_query query = {
		.container = args->container,
		.resource = args->resource,
		.serial = args->serial,
		.from = args->from,
		.to = args->to,
	};
	struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS };
	struct store store;
	struct track track;
	int err;

	(void)setrlimit(RLIMIT_CPU, &cpu);
	err = store_open(&store, args->dir);
	if (err)
		return err;
	err = track_read(&store, &query, &track);
	store_close(&store);
	if (err)
		return err;
	if (track.to - track.from < SAMPLES_MIN * track.step)
		track.from = track.to - SAMPLES_MIN * track.step;
	err = render(job, &track, out);
	track_free(&track);

	return err;
}

int graph_run(const struct args *args)
{
	struct job job = { .args = args, .format = GRAPH_PNG };
	char path[STORE_SERIES_LEN + 64];
	const char *output = args->output;
	struct blob image;
	int err;

	if (output && strcmp(output, "-") &&
	    graph_format_of(output, &job.format)) {
		say("graph: %s", failure());
		return RSTAT_USAGE;
	}
	if (output && !strcmp(output, "-") && isatty(STDOUT_FILENO)) {
		say("graph: --output '-': a picture is nothing for a terminal; "
		    "name a file");
		return RSTAT_USAGE;
	}
	err = child_run(draw, &job, &image);
	if (err) {
		say("%s", failure());
		return RSTAT_FAILED;
	}
	if (output && !strcmp(output, "-")) {
		fwrite(image.data, 1, image.len, stdout);
		blob_free(&image);
		return RSTAT_OK;
	}
	if (!output) {
		char name[RESCORE_NAME_LEN * 3];

		store_encode(args->container, name, sizeof(name));
		snprintf(path, sizeof(path), "%s-%s.png", name, args->resource);
		output = path;
	}
	err = file_write_path(output, image.data, image.len);
	blob_free(&image);
	if (err) {
		say("%s", failure());
		return RSTAT_FAILED;
	}
	if (!args->output)
		printf("%s\n", output);

	return RSTAT_OK;
}
