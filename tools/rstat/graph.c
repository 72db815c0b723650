// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "child.h"
#include "graph.h"
#include "rrd_shim.h"
#include "say.h"

#define WIDTH		860
#define HEIGHT		300
#define CPU_SECONDS	15	/* for one picture: hundreds of times enough */
/* The view is at least so many samples wide: one alone is a bar, no wall. */
#define SAMPLES_MIN	5

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
static void put_svg(const struct blob *image, const char *title,
		    const char *words, FILE *out)
{
	const char *svg = strstr(image->data, "<svg");
	const char *end = svg ? strchr(svg, '>') : NULL;
	size_t head;

	if (!end) {
		fwrite(image->data, 1, image->len, out);
		return;
	}
	head = (size_t)(end + 1 - image->data);
	fwrite(image->data, 1, head, out);
	fputs("\n<title>", out);
	put_xml(title, out);
	fputs("</title>\n<desc>", out);
	put_xml(words, out);
	fputs("</desc>", out);
	fwrite(end + 1, 1, image->len - head, out);
}

void graph_put(const struct blob *image, enum graph_format format,
	       const char *title, const char *words, FILE *out)
{
	if (format == GRAPH_SVG)
		put_svg(image, title, words, out);
	else
		fwrite(image->data, 1, image->len, out);
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

int graph_write(const struct graph_text *text, enum graph_format format,
		const char *title, const char *words, FILE *out)
{
	struct blob image = {};
	int err;

	if (text->failed)
		return fail(ENOMEM, "no memory");
	silence();
	err = rrd_shim_graph(text->nr, (const char **)text->v, &image);
	if (err)
		return err;
	graph_put(&image, format, title, words, out);
	blob_free(&image);

	return 0;
}

static int render(const struct graph_look *look, const struct track *track,
		  FILE *out)
{
	unsigned int unit = meta_shown_unit(track->resource);
	char last[32], high[32], barrier[32], limit[32], failed[32];
	struct graph_text text = {};
	struct graph_summary s;
	struct graph_axis axis;
	char title[160], words[320];
	int err;

	graph_summarize(track, &s);
	graph_axis(track, &s, &axis);
	graph_arguments(track, &s, &axis, look, &text);
	snprintf(title, sizeof(title), "%s · %s", track->meta.id.name,
		 track->resource->name);
	snprintf(words, sizeof(words),
		 "held %s, peak %s, barrier %s, limit %s, failures %s",
		 unit_format(s.last, unit, last, sizeof(last)),
		 unit_format(s.highest, unit, high, sizeof(high)),
		 unit_format(s.barrier, unit, barrier, sizeof(barrier)),
		 unit_format(s.limit, unit, limit, sizeof(limit)),
		 unit_format(s.failures, RESCORE_COUNT, failed,
			     sizeof(failed)));
	err = graph_write(&text, look->format, title, words, out);
	text_free(&text);

	return err;
}

static int draw_one(const struct store *store, const struct graph_job *job,
		    FILE *out)
{
	const struct args *args = job->args;
	struct track_query query = {
		.container = args->container,
		.resource = args->resource,
		.serial = args->serial,
		.from = args->from,
		.at_most = args->at_most,
		.to = args->to,
		.forecast = args->forecast,
	};
	struct track track;
	int err = track_read(store, &query, &track);

	if (err)
		return err;
	if (track.to - track.from < SAMPLES_MIN * track.step)
		track.from = track.to - SAMPLES_MIN * track.step;
	err = render(&job->look, &track, out);
	track_free(&track);

	return err;
}

int graph_draw(void *arg, FILE *out)
{
	const struct graph_job *job = arg;
	struct store store;
	int err;

	child_limit_cpu(CPU_SECONDS);
	err = store_open(&store, job->args->dir);
	if (err)
		return err;
	if (job->args->compare)
		err = graph_draw_compare(&store, job->args, &job->look, out);
	else if (job->args->all)
		err = graph_draw_sheet(&store, job->args, &job->look, out);
	else
		err = draw_one(&store, job, out);
	store_close(&store);

	return err;
}

/* NULL: fine. */
static const char *check_operands(const struct args *args)
{
	if (args->compare && args->all)
		return "give --all or --compare, not both";
	if (args->compare && !args->container)
		return "--compare: give NAME, or NAME RESOURCE";
	if (args->all && args->resource)
		return "--all: leave out RESOURCE";
	if (!args->all && !args->compare && !args->resource)
		return "give NAME RESOURCE, or --all; try 'rstat help graph'";
	if (args->forecast && (args->all || args->compare))
		return "--forecast is for one NAME RESOURCE";
	return NULL;
}

/* Where the picture goes without --output. */
static void name_output(const struct args *args, char *path, size_t size)
{
	char name[RESCORE_NAME_LEN * 3] = "all";

	if (args->container)
		store_encode(args->container, name, sizeof(name));
	snprintf(path, size, "%s%s%s%s.png", name, args->resource ? "-" : "",
		 args->resource ? args->resource : "",
		 args->compare ? "-compared" : "");
}

static int deliver(const struct args *args, const struct blob *image)
{
	char path[STORE_SERIES_LEN + 64];
	const char *output = args->output;

	if (output && !strcmp(output, "-")) {
		write_output(image->data, image->len);
		return 0;
	}
	if (!output) {
		name_output(args, path, sizeof(path));
		output = path;
	}
	if (file_write_path(output, image->data, image->len))
		return -EIO;
	if (!args->output)
		printf("%s\n", output);

	return 0;
}

int graph_make_job(const struct args *args, struct graph_job *ret)
{
	const char *theme = args->theme ? args->theme : "light";
	const char *wrong = check_operands(args);
	struct graph_job job = {
		.args = args,
		.look = {
			.width = args->width ? args->width : WIDTH,
			.height = args->height ? args->height : HEIGHT,
			.format = GRAPH_PNG,
			.theme = graph_theme_find(theme),
		},
	};
	int err = 0;

	if (wrong)
		return fail(EINVAL, "%s", wrong);
	if (!job.look.theme)
		return fail(EINVAL, "--theme '%s': give light or dark", theme);
	if (args->output && strcmp(args->output, "-"))
		err = graph_format_of(args->output, &job.look.format);
	if (!err)
		*ret = job;

	return err;
}

int graph_run(const struct args *args)
{
	struct blob image;
	struct graph_job job;
	int err;

	if (graph_make_job(args, &job)) {
		say("graph: %s", failure());
		return RSTAT_USAGE;
	}
	if (args->output && !strcmp(args->output, "-") &&
	    isatty(STDOUT_FILENO)) {
		say("graph: --output '-': a picture is nothing for a terminal; "
		    "name a file");
		return RSTAT_USAGE;
	}
	err = child_run(graph_draw, &job, &image);
	if (!err) {
		err = deliver(args, &image);
		blob_free(&image);
	}
	if (err) {
		say("%s", failure());
		return RSTAT_FAILED;
	}

	return RSTAT_OK;
}
