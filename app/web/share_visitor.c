/* Who is no visitor: programs that follow each link, and browsers that fetch pages before anybody asked for them. */
#include "web/share_priv.h"

/* Parts of the names by which programs call themselves, in lower case. */
static const char *const robots[] = {
        "bot/",    "bot-",   "bot (",  "robot",  "crawl",          "spider",  "preview",  "slurp",   "facebookexternalhit",
        "curl/",   "wget/",  "python", "libwww", "go-http-client", "okhttp",  "whatsapp", "embedly", "scrapy",
        "monitor", "archive", "java/", "fetch",  "validator",
};
static const char *const ahead[] = {"sec-purpose", "purpose", "x-purpose", "x-moz"};

bool share_is_robot(const struct http_request *req)
{
	struct str agent = http_header(req, "user-agent");
	char lower[512];
	size_t n = agent.n < sizeof(lower) ? agent.n : sizeof(lower);

	for (size_t i = 0; i < n; i++)
		lower[i] = agent.p[i] >= 'A' && agent.p[i] <= 'Z' ? (char)(agent.p[i] | 0x20) : agent.p[i];
	for (size_t i = 0; i < sizeof(robots) / sizeof(*robots); i++)
		if (str_find((struct str){lower, n}, str_of(robots[i])) >= 0)
			return true;
	return n == 0;
}

bool share_is_prefetch(const struct http_request *req)
{
	for (size_t i = 0; i < sizeof(ahead) / sizeof(*ahead); i++) {
		struct str purpose = http_header(req, ahead[i]);

		if (str_find(purpose, STR("pre")) >= 0)
			return true;
	}
	return false;
}
