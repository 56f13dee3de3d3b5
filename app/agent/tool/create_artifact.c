/* create_artifact: keeps a chart, an app, a page, a drawing or a text for the person. */
#include <json-c/json_object.h>

#include "agent/tool_priv.h"

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct json_object *data = json_get(args, "data");
	struct artifact_draft d = {
	        .title = json_get_str(args, "title"),
	        .type = json_get_str(args, "type"),
	        .code = json_get_str(args, "code"),
	        .data = data ? json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN) : NULL,
	};
	struct tool_sources sources;

	TRY(tool_artifact_sources(env, json_get_array(args, "sources"), out, &sources));
	return out->ok ? tool_artifact_save(env, d.type, &d, &sources, out) : NULL;
}

const struct tool tool_create_artifact = {
        "create_artifact",
        "Making an artifact",
        "Makes a chart, an app, a page, a drawing or a report that the person keeps, with data from queries by"
        " reference.",
        "{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":100},"
        "\"type\":{\"type\":\"string\",\"enum\":[\"plotly\",\"echarts\",\"react\",\"html\",\"svg\",\"markdown\"]},"
        "\"code\":{\"type\":\"string\",\"minLength\":1,\"description\":\"All of it. Of plotly and echarts: the figure as"
        " JSON text.\"}," TOOL_ARTIFACT_DATA "},\"required\":[\"title\",\"type\",\"code\"],"
        "\"additionalProperties\":false}",
        TOOL_WRITES,
        run,
};
