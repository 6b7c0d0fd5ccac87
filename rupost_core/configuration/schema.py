"""What a template.yaml may say. The published JSON Schema (docs/template.schema.json) is made from these classes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from rupost_core.configuration import patterns
from rupost_core.i18n import translate as _

COMPONENTS = ("haproxy", "nginx", "postfix", "dovecot", "sogo", "memcached")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
RelativePath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]([A-Za-z0-9_/-]|\.[A-Za-z0-9_-]){0,200}$")]
TargetPath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]([A-Za-z0-9_/-]|\.[A-Za-z0-9_-]|\{name\}){0,200}$")]
Account = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$|^[0-9]{1,9}$")]
SharedFiles = Annotated[str, StringConstraints(pattern=r"^tls(/[a-z0-9_]([A-Za-z0-9_-]|\.[A-Za-z0-9_-]){0,100})?$")]
Range = Annotated[str, StringConstraints(pattern=r"^(>=|<=|<|>|==)\d+(\.\d+)*( (>=|<=|<|>|==)\d+(\.\d+)*)*$")]
Scalar = bool | int | str
Default = Scalar | list[Scalar]

ParameterType = Literal[
    "boolean", "integer", "string", "text", "choice", "size", "duration",
    "hostname", "endpoint", "network", "path", "milter", "time_zone", "secret",
]  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Bilingual(_Strict):
    """A text in both languages."""

    ru: str = Field(min_length=1, max_length=2000)
    en: str = Field(min_length=1, max_length=2000)

    def as_dict(self) -> dict[str, str]:
        return {"ru": self.ru, "en": self.en}


class AppliesWhen(_Strict):
    """The parameter means something only while another one has a value (`is_set`) or a certain value (`equals`)."""

    parameter: Identifier
    equals: Scalar | None = None
    is_set: bool | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> AppliesWhen:
        if (self.equals is None) == (self.is_set is None):
            raise ValueError(_("exactly one of “equals” and “is_set” must be given"))
        return self


class Parameter(_Strict):
    """A typed value that an administrator may set."""

    type: ParameterType
    title: Bilingual
    help: Bilingual | None = None
    default: Default | None = Field(None, description="Without it the parameter must be given.")
    required: bool = Field(True, description="False: may be left empty.")
    many: bool = Field(False, description="A list of values of the type.")
    minimum: int | str | None = Field(None, description="For integer, size (e.g. 1M) and duration (e.g. 10m).")
    maximum: int | str | None = None
    max_length: int = Field(4000, ge=1, le=100_000)
    pattern: str | None = Field(
        None, description="A regular expression that the whole text must match; matched in linear time."
    )
    choices: list[str] | None = None
    applies_when: AppliesWhen | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            patterns.compiled(value)
        return value

    @model_validator(mode="after")
    def _patterns_are_for_short_texts(self) -> Parameter:
        if self.pattern is not None and self.max_length > patterns.MAX_VALUE:
            raise ValueError(_("with a “pattern”, “max_length” is at most {limit}", limit=patterns.MAX_VALUE))
        return self

    @model_validator(mode="after")
    def _choices_for_choice(self) -> Parameter:
        if (self.type == "choice") != (self.choices is not None):
            raise ValueError(_("“choices” belongs to the type “choice”, and only to it"))
        return self


class File(_Strict):
    """One file that a component gets: `path` below its folder, rendered from `source` in the template's folder.

    With `for_each` there is one for each directory, `{name}` in the path is its name, and it is `item` in the source.
    """

    path: TargetPath
    source: RelativePath
    owner: Account = "root"
    group: Account = "root"
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")] = "0644"
    secret: bool = Field(False, description="Holds passwords or keys: never shown, not even as a difference.")

    for_each: Literal["directories"] | None = None

    @model_validator(mode="after")
    def _name_for_each(self) -> File:
        if (self.for_each is not None) != ("{name}" in self.path):
            raise ValueError(_("“for_each” and “{name}” in the path need each other", name="{name}"))
        return self

    @property
    def mode_bits(self) -> int:
        return int(self.mode, 8)


class ComponentFiles(_Strict):
    """The files of one component, and the shared files whose change concerns it too: `tls` or `tls/FILE`."""

    uses: list[SharedFiles] = []
    files: list[File] = Field(min_length=1)
    drop: list[TargetPath] = Field([], description="With `extends`: paths of the base that this template leaves out.")


class Extends(_Strict):
    """The template that this one is built on, and which of its versions will do."""

    template: Name
    versions: Range | None = Field(None, description="A range such as “>=1.0 <2”; without it the newest.")


class TemplateSpec(_Strict):
    """A template.yaml.

    With `extends` it says only what differs from its base: parameters, components and files of the base are there
    unless the same name or path stands here.
    """

    format: Literal[1]
    name: Name
    version: Version
    extends: Name | Extends | None = None
    kind: Literal["builtin", "custom"]
    edition: Literal["standard", "enterprise"]
    title: Bilingual
    description: Bilingual
    supports: dict[Literal["haproxy", "nginx", "postfix", "dovecot", "sogo", "memcached"], Range]
    parameters: dict[Identifier, Parameter]
    components: dict[Literal["haproxy", "nginx", "postfix", "dovecot", "sogo", "memcached", "tls"], ComponentFiles]

    @model_validator(mode="after")
    def _references_exist(self) -> TemplateSpec:
        for name, parameter in self.parameters.items():
            condition = parameter.applies_when
            if condition is not None and condition.parameter not in self.parameters:
                raise ValueError(
                    _(
                        "parameters.{name}.applies_when names no parameter: {other}",
                        name=name,
                        other=condition.parameter,
                    )
                )
        return self


def json_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of template.yaml as it is written.

    TemplateSpec describes a whole template; what `extends` another may leave out what its base says.
    """
    schema: dict[str, Any] = TemplateSpec.model_json_schema()
    own = ["format", "name", "version", "kind", "edition", "title", "description"]
    definitions = schema["$defs"]
    whole = {
        "required": [key for key in schema["required"] if key not in own],
        "properties": {
            "parameters": {"additionalProperties": {"required": definitions["Parameter"].pop("required")}},
            "components": {"additionalProperties": {"required": definitions["ComponentFiles"].pop("required")}},
        },
    }
    schema["required"] = own
    definitions["ComponentFiles"]["properties"]["files"].pop("minItems")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "RuPost template",
        "if": {"required": ["extends"]},
        "else": whole,
    }
