"""What can be said about a template's sources without rendering them: every mistake in every branch.

It runs in the confined child (render_child.py), since parsing a hostile source may take time and memory too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateSyntaxError, meta, nodes

from rupost_core.configuration.findings import Finding, error, warning
from rupost_core.configuration.library import SPEC_FILE, Template
from rupost_core.configuration.model import NodeFacts, Surroundings
from rupost_core.configuration.quoting import FILTERS
from rupost_core.configuration.render import Environment, environment_for
from rupost_core.directory.model import DirectoryAccess
from rupost_core.i18n import translate as _
from rupost_core.settings import DatabaseSettings
from rupost_core.text import nearest

_SURROUNDINGS = {one.name for one in fields(Surroundings)}
_OBJECTS = {
    "node": {one.name for one in fields(NodeFacts)},
    "database": {one.name for one in fields(DatabaseSettings)},
    "item": {one.name for one in fields(DirectoryAccess)},
}
_NUMBERS = ("integer", "size", "duration")
# Filters of Jinja2 whose result is a text that nobody has quoted.
_TEXT_FILTERS = frozenset(
    {"upper", "lower", "title", "capitalize", "trim", "replace", "join", "string", "format", "indent", "center",
     "truncate", "wordwrap", "urlencode", "escape", "e", "safe", "tojson", "pprint", "striptags", "xmlattr",
     "forceescape", "urlize", "reverse"}
)  # fmt: skip
_PROSE = (".md", ".txt", ".rst")


@dataclass
class SourcesReport:
    findings: list[Finding] = field(default_factory=list)
    unused_parameters: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Parsed:
    own: bool
    path: str
    tree: nodes.Template


def examine(template: Template) -> SourcesReport:
    """Mistakes in the template's own files (not in its base's), and parameters that no source uses."""
    environment = environment_for(template)
    report = SourcesReport()
    seen: set[tuple[int, str]] = set()
    specified = [file.source for content in template.spec.components.values() for file in content.files]
    parsed = list(_reachable(specified, template, environment, report, seen))
    rendered = {path for level, path in seen if level == 0}
    unused = [path for path in template.files if path.endswith(".j2") and path not in rendered]
    parsed += _reachable(unused, template, environment, report, seen)
    trees = [one.tree for one in parsed]
    known = _SURROUNDINGS | {"p", "item", "loop", "super", "caller", "varargs", "kwargs", "self"}
    known |= set(environment.globals) | set(_assigned(trees))
    for one in parsed:
        if one.own:
            report.findings += _mistakes(one, template, environment, known)
    used, all_may_be = _parameters_used(trees)
    if not all_may_be:
        report.unused_parameters = [name for name in template.spec.parameters if name not in used]
    report.findings += _unused_files(template, rendered)
    return report


def _reachable(
    names: list[str],
    template: Template,
    environment: Environment,
    report: SourcesReport,
    seen: set[tuple[int, str]],
) -> Iterator[_Parsed]:
    """The sources of these names, and those that they extend, include and import; none that is in `seen`."""
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        level, path = environment.layers.find(name)
        if level is None or (level, path) in seen:
            continue
        seen.add((level, path))
        try:
            tree = environment.parse(template.layers[level][path], name)
        except TemplateSyntaxError as problem:
            report.findings.append(error(path, problem.lineno, problem.message or ""))
            continue
        except RecursionError:
            report.findings.append(error(path, None, _("it is nested too deeply")))
            continue
        yield _Parsed(level == 0, path, tree)
        for line, reference in _references(tree):
            wanted = environment.join_path(reference, name)
            found, wanted_path = environment.layers.find(wanted)
            if found is not None:
                waiting.append(wanted)
            elif level == 0:
                missing = _("there is no file {source} in the template.", source=reference)
                report.findings.append(error(path, line, missing + nearest(wanted_path, template.sources)))


def _references(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        named = node.template  # type: ignore[attr-defined]
        ignored = isinstance(node, nodes.Include) and node.ignore_missing
        items = named.items if isinstance(named, nodes.Tuple | nodes.List) else [named]
        for item in items:
            if isinstance(item, nodes.Const) and isinstance(item.value, str) and not ignored:
                yield node.lineno, item.value


def _assigned(trees: list[nodes.Template]) -> Iterator[str]:
    """Names given anywhere: an included or extending source sees those of the others."""
    for tree in trees:
        for node in tree.find_all(nodes.Name):
            if node.ctx in ("store", "param"):
                yield node.name
        for macro in tree.find_all(nodes.Macro):
            yield macro.name
        for imported in tree.find_all(nodes.Import):
            yield imported.target
        for some in tree.find_all(nodes.FromImport):
            yield from (name if isinstance(name, str) else name[1] for name in some.names)


def _mistakes(one: _Parsed, template: Template, environment: Environment, known: set[str]) -> Iterator[Finding]:
    unknown = list(_unknown_filters(one, environment))
    yield from unknown or _undefined_names(one, known)
    parameters = template.spec.parameters
    for line, name in _parameter_names(one.tree):
        if name not in parameters:
            yield error(one.path, line, _("there is no parameter “{name}”.", name=name) + nearest(name, parameters))
    for line, owner, name in _attributes(one.tree):
        if name not in _OBJECTS[owner]:
            text = _("{owner} has no “{name}”.", owner=owner, name=name)
            yield error(one.path, line, text + nearest(name, _OBJECTS[owner]))
    macros = {macro.name for macro in one.tree.find_all(nodes.Macro)}
    for output in one.tree.find_all(nodes.Output):
        for expression in output.nodes:
            if _is_unquoted(expression, template, macros):
                yield error(one.path, expression.lineno, _("a value is printed without a quoting filter"))


def _unknown_filters(one: _Parsed, environment: Environment) -> Iterator[Finding]:
    for node in one.tree.find_all((nodes.Filter, nodes.Test)):
        names = environment.filters if isinstance(node, nodes.Filter) else environment.tests
        if (name := node.name) not in names:
            text = _("there is no filter or test “{name}”.", name=name)
            yield error(one.path, node.lineno, text + nearest(name, names))


def _undefined_names(one: _Parsed, known: set[str]) -> Iterator[Finding]:
    asked_for = {
        node.node.name
        for node in one.tree.find_all(nodes.Test)
        if node.name in ("defined", "undefined") and isinstance(node.node, nodes.Name)
    }
    try:
        undefined = meta.find_undeclared_variables(one.tree) - known - asked_for
    except JinjaError as problem:
        yield error(one.path, getattr(problem, "lineno", None), problem.message or "")
        return
    for node in one.tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name in undefined:
            undefined.discard(node.name)
            text = _("“{name}” is not defined.", name=node.name)
            yield error(one.path, node.lineno, text + nearest(node.name, known))


def _parameter_names(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name == "p":
            yield node.lineno, node.attr
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and item.node.name == "p" and isinstance(item.arg, nodes.Const):
            yield item.lineno, str(item.arg.value)


def _attributes(tree: nodes.Template) -> Iterator[tuple[int, str, str]]:
    stored = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name in _OBJECTS and node.node.name not in stored:
            yield node.lineno, node.node.name, node.attr


def _parameters_used(trees: list[nodes.Template]) -> tuple[set[str], bool]:
    """The names used, and whether `p` is also used in ways that may reach any of them."""
    used: set[str] = set()
    plain = 0
    for tree in trees:
        named = [name for _line, name in _parameter_names(tree)]
        used |= set(named)
        plain += sum(node.name == "p" for node in tree.find_all(nodes.Name)) - len(named)
    return used, plain > 0


def _is_unquoted(node: nodes.Node, template: Template, macros: set[str]) -> bool:
    """Whether the expression is surely a text that no quoting filter has seen; rendering finds the rest."""
    match node:
        case nodes.Filter():
            return node.name not in FILTERS and node.name in _TEXT_FILTERS
        case nodes.Const():
            return isinstance(node.value, bool) or not isinstance(node.value, int)
        case nodes.Concat() | nodes.Compare() | nodes.Not() | nodes.Test():
            return True
        case nodes.CondExpr():
            branches = [node.expr1, node.expr2]
            return any(_is_unquoted(one, template, macros) for one in branches if one is not None)
        case nodes.Call():
            return isinstance(node.node, nodes.Name) and node.node.name in macros
        case nodes.Name():
            return node.name in _SURROUNDINGS
        case nodes.Getattr() if isinstance(node.node, nodes.Name) and node.node.name == "p":
            parameter = template.spec.parameters.get(node.attr)
            return parameter is not None and (parameter.many or parameter.type not in _NUMBERS)
        case nodes.Getattr() if isinstance(node.node, nodes.Name) and node.node.name in _OBJECTS:
            return node.attr in _OBJECTS[node.node.name]
    return False


def _unused_files(template: Template, rendered: set[str]) -> Iterator[Finding]:
    for path in template.files:
        prose = path.endswith(_PROSE) or path.lower() in ("license", "readme")
        if path not in rendered and path != SPEC_FILE and not prose:
            yield warning(path, None, _("no file is rendered from it"))
