// SPDX-License-Identifier: GPL-2.0
/*
 * The files of the page, in web/, as part of the program: serving them opens no
 * file, so that no path of a request can name one.
 */
#include <string.h>

#include "serve.h"

#define ASSET(symbol, file)						\
	extern const char symbol##_begin[], symbol##_end[];		\
	__asm__(".section .rodata\n"					\
		".global " #symbol "_begin, " #symbol "_end\n"		\
		#symbol "_begin:\n"					\
		".incbin \"tools/rstat/web/" file "\"\n"		\
		#symbol "_end:\n"					\
		".byte 0\n"						\
		".previous\n")

ASSET(asset_html, "index.html");
ASSET(asset_js, "rstat.js");
ASSET(asset_draw, "draw.js");
ASSET(asset_format, "format.js");
ASSET(asset_css, "rstat.css");
ASSET(asset_icon, "icon.svg");

static const struct asset {
	const char *path;
	const char *type;
	const char *begin, *end;
} assets[] = {
	{ "/", "text/html; charset=utf-8", asset_html_begin, asset_html_end },
	{ "/rstat.js", "text/javascript; charset=utf-8", asset_js_begin,
	  asset_js_end },
	{ "/draw.js", "text/javascript; charset=utf-8", asset_draw_begin,
	  asset_draw_end },
	{ "/format.js", "text/javascript; charset=utf-8", asset_format_begin,
	  asset_format_end },
	{ "/rstat.css", "text/css; charset=utf-8", asset_css_begin,
	  asset_css_end },
	{ "/icon.svg", "image/svg+xml", asset_icon_begin, asset_icon_end },
};

bool asset_reply(struct http_request *request)
{
	const char *path = http_path(request);

	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
		if (strcmp(path, assets[i].path))
			continue;
		http_reply_fixed(request, assets[i].type, assets[i].begin,
				 (size_t)(assets[i].end - assets[i].begin));
		return true;
	}

	return false;
}
