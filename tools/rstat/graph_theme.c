// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "graph.h"

/*
 * Every line has a contrast of 3:1 or more with its canvas (WCAG 1.4.11), and
 * none is told from another by its colour alone: bounds are dashed or flat, the
 * forecast is dashed.
 */
static const struct graph_theme themes[] = {
	{
		.name = "light",
		.back = "#FFFFFF",
		.canvas = "#FAFBFC",
		.grid = "#EDF0F3",
		.major_grid = "#D5DBE1",
		.font = "#1F2933",
		.axis = "#7B8794",
		.held_area = "#7CB3E6AA",
		.held = "#2B7BBA",
		.peak_area = "#7CB3E633",
		.peak = "#4A6E8C",
		.barrier = "#F2A73B",
		.limit = "#D64545",
		.failures = "#B83280",
		.gap = "#C3CDD566",
		.forecast = "#7B4FB5",
		.forecast_band = "#7B4FB526",
		.palette = { "#2B7BBA", "#C05621", "#2F855A", "#7B4FB5",
			     "#B7791F", "#B83280", "#2C7A7B", "#4A5568" },
	},
	{
		.name = "dark",
		.back = "#14191F",
		.canvas = "#1B222A",
		.grid = "#252E38",
		.major_grid = "#37424E",
		.font = "#E4E9EE",
		.axis = "#8795A1",
		.held_area = "#3E8ED0AA",
		.held = "#6FB7F2",
		.peak_area = "#3E8ED044",
		.peak = "#9DB8D0",
		.barrier = "#F6B44E",
		.limit = "#FF6B6B",
		.failures = "#F06CB4",
		.gap = "#5A677466",
		.forecast = "#B794F4",
		.forecast_band = "#B794F433",
		.palette = { "#6FB7F2", "#F6AD55", "#68D391", "#B794F4",
			     "#ECC94B", "#F687B3", "#4FD1C5", "#CBD5E0" },
	},
};

const struct graph_theme *graph_theme_find(const char *name)
{
	for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++)
		if (!strcmp(themes[i].name, name))
			return &themes[i];
	return NULL;
}
