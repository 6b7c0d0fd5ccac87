"""The composition root: `Core` gives a face its services, wired. The only place that wires.

Services are imported when first used: a command that lists mailboxes must not pay for rendering templates.
"""

from __future__ import annotations

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from rupost_core.operation import Actor
from rupost_core.settings import Settings

if TYPE_CHECKING:
    from rupost_core.access.desk import OfficeDesk
    from rupost_core.access.key import KeyService
    from rupost_core.access.service import AccessService
    from rupost_core.certificates.acme_service import AcmeService
    from rupost_core.certificates.dhparam_service import DhparamService
    from rupost_core.certificates.service import CertificateService
    from rupost_core.checks.mailflow import MailflowService
    from rupost_core.cluster.service import ClusterService
    from rupost_core.configuration.deployments import DeploymentService
    from rupost_core.configuration.drift_service import DriftService
    from rupost_core.configuration.override_service import OverrideService
    from rupost_core.configuration.service import ConfigurationService
    from rupost_core.configuration.template_service import TemplateService
    from rupost_core.directory.service import DirectoryService
    from rupost_core.mail.service import MailService


class Core:
    """The core for one actor on one node. Use it as a context manager, or call `close`."""

    def __init__(self, settings: Settings, actor: Actor, *, pool_size: int = 1) -> None:
        self.settings = settings
        self.actor = actor
        self._pool_size = pool_size

    @cached_property
    def desk(self) -> OfficeDesk:
        from rupost_core.access.desk import OfficeDesk

        return OfficeDesk(self.settings, self.actor, self._pool_size)

    @cached_property
    def access(self) -> AccessService:
        from rupost_core.access.service import AccessService

        return AccessService(self.desk)

    @cached_property
    def key(self) -> KeyService:
        from rupost_core.access.key import KeyService

        return KeyService(self.desk)

    @cached_property
    def certificates(self) -> CertificateService:
        from rupost_core.certificates.service import CertificateService

        return CertificateService(self.desk)

    @cached_property
    def acme(self) -> AcmeService:
        from rupost_core.certificates.acme_service import AcmeService

        return AcmeService(self.desk)

    @cached_property
    def dhparam(self) -> DhparamService:
        from rupost_core.certificates.dhparam_service import DhparamService

        return DhparamService(self.desk)

    @cached_property
    def cluster(self) -> ClusterService:
        from rupost_core.cluster.service import ClusterService

        return ClusterService(self.desk)

    @cached_property
    def configuration(self) -> ConfigurationService:
        from rupost_core.configuration.service import ConfigurationService

        return ConfigurationService(self.desk)

    @cached_property
    def deployments(self) -> DeploymentService:
        from rupost_core.configuration.deployments import DeploymentService

        return DeploymentService(self.desk)

    @cached_property
    def drift(self) -> DriftService:
        from rupost_core.configuration.drift_service import DriftService

        return DriftService(self.desk, self.configuration)

    @cached_property
    def override(self) -> OverrideService:
        from rupost_core.configuration.override_service import OverrideService

        return OverrideService(self.desk, self.configuration)

    @cached_property
    def directory(self) -> DirectoryService:
        from rupost_core.directory.service import DirectoryService

        return DirectoryService(self.desk)

    @cached_property
    def mail(self) -> MailService:
        from rupost_core.mail.service import MailService

        return MailService(self.desk)

    @cached_property
    def mailflow(self) -> MailflowService:
        from rupost_core.checks.mailflow import MailflowService

        return MailflowService(self.desk)

    @cached_property
    def templates(self) -> TemplateService:
        from rupost_core.configuration.template_service import TemplateService

        return TemplateService(self.desk)

    def close(self) -> None:
        desk = self.__dict__.get("desk")
        if desk is not None:
            desk.close()

    def __enter__(self) -> Core:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
