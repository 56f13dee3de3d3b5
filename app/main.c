/* quern: one binary, many commands (app/cli/commands.def). This file only joins the parts. */
#include "cli/cli.h"
#include "web/web.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv, web_app());
}
