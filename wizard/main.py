"""`rupost-wizard`: typed errors become an explanation and their exit code; anything else is a bug."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from rupost_core.errors import InputError, RupostError
from rupost_core.i18n import install_domain
from rupost_core.i18n import translate as _
from wizard import help as help_page
from wizard.arguments import parse
from wizard.narration import Narration


def main() -> NoReturn:
    install_domain()
    words = sys.argv[1:]
    if "--help" in words:
        sys.stdout.write(help_page.text())
        sys.exit(0)
    narration = Narration(as_json="--json" in words)
    try:
        arguments = parse(words, os.environ)
        if not arguments.silent:
            raise InputError(
                _("The interactive configurator comes with a later version of RuPost."),
                hint=_("Set up without questions: {example}", example=help_page.EXAMPLE),
            )
        from wizard import silent

        silent.run(arguments, narration)
    except RupostError as error:
        narration.failed(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("\n" + _("Interrupted; run it again to go on.") + "\n")
        sys.exit(130)
    sys.exit(0)
