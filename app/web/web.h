/*
 * Pages and admin, rendered on the server: routes.def is the sitemap with access rules; each handler fills a
 * typed view and names its template. Pages are checked against their views when the service starts.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "http/http.h"

/* The application for http_serve(): routes, gate, error page and worker start. settings is still to be set. */
struct http_app *web_app(void);

#endif
