// SPDX-License-Identifier: GPL-2.0
/*
 * What a controller's object says of itself beside its resources: the knobs
 * that its bounds are written to, and figures that belong to its rows.
 */
#include <errno.h>
#include <string.h>

#include "load.h"

/* The resource of this object named @name, or NULL. */
static struct rescore_resource *find(struct load *load, const char *name)
{
	unsigned int i;

	for (i = 0; i < load->meta.nr_resources; i++)
		if (!strncmp(load->registry[i].name, name,
			     RESCORE_RES_NAME_LEN))
			return &load->registry[i];
	return NULL;
}

static int add_knobs(struct load *load, struct bpf_object *object,
		     const char *file)
{
	struct rescore_resource *resource;
	struct rescore_knob *knob;
	size_t size = 0, i;

	knob = load_section(object, ".rodata.knobs", &size);
	for (i = 0; i < size / sizeof(*knob); i++, knob++) {
		resource = find(load, knob->resource);
		if (!resource)
			return rescore_error(-ENOEXEC,
					     "%s: knob %s is of no resource",
					     file, knob->file);
		if (load->meta.nr_knobs == RESCORE_KNOBS_MAX)
			return rescore_error(-E2BIG, "more than %d knobs",
					     RESCORE_KNOBS_MAX);
		knob->id = resource->id;
		load->knobs[load->meta.nr_knobs++] = *knob;
	}
	return 0;
}

/* An upgrade keeps the ids: values that were read stand there. */
static unsigned int figure_id(const struct load *load,
			      const struct rescore_figure *figure)
{
	const struct rescore_figure *old;
	unsigned int i;

	for (i = 0; i < load->meta.nr_figures; i++) {
		old = &load->figures[i];
		if (!(load->figures_taken & 1ULL << i) &&
		    !strcmp(old->name, figure->name) &&
		    !strcmp(old->resource, figure->resource))
			break;
	}
	return i;
}

static int add_figures(struct load *load, struct bpf_object *object,
		       const char *file)
{
	struct rescore_figure *figure;
	size_t size = 0, i;

	figure = load_section(object, ".rodata.figures", &size);
	for (i = 0; i < size / sizeof(*figure); i++, figure++) {
		if (!find(load, figure->resource))
			return rescore_error(-ENOEXEC,
					     "%s: figure %s is of no resource",
					     file, figure->name);
		figure->id = figure_id(load, figure);
		if (figure->id == RESCORE_FIGURES_MAX)
			return rescore_error(-E2BIG, "more than %d figures",
					     RESCORE_FIGURES_MAX);
		load->figures_taken |= 1ULL << figure->id;
		load->figures[figure->id] = *figure;
		if (figure->id == load->meta.nr_figures)
			load->meta.nr_figures++;
	}
	return 0;
}

int load_descriptions(struct load *load, struct bpf_object *object,
		      const char *file)
{
	int err = add_knobs(load, object, file);

	return err ?: add_figures(load, object, file);
}
