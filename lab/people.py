"""Who works at demo.local. Values are Russian, and the passwords break careless quoting on purpose."""

import uuid
from dataclasses import dataclass

from lab.layout import DOMAIN


@dataclass(frozen=True)
class Person:
    """One entry of the directory."""

    login: str
    surname: str
    given: str
    title: str
    department: str
    city: str
    number: int
    password: str
    mail: str = ""
    locked: bool = False

    @property
    def name(self) -> str:
        """The name as it is shown."""
        return f"{self.surname} {self.given}"

    @property
    def address(self) -> str:
        """The address that the product gives when it opens the mailbox."""
        return f"{self.login}@{DOMAIN}"

    @property
    def unique_id(self) -> str:
        """ipaUniqueID: the same in every lab, so that runs can be compared."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.address))


PEOPLE = (
    Person("ivanov", "Иванов", "Иван Петрович", "Инженер", "ИТ", "Москва", 1, "iv anov$1"),
    Person("petrova", "Петрова", "Мария Сергеевна", "Бухгалтер", "Финансы", "Тверь", 2, 'pe"tr#ova%2'),
    Person("sidorov", "Сидоров", "Пётр Ильич", "Менеджер", "Продажи", "Казань", 3, "si'do\\rov 3"),
    Person("kuznetsova", "Кузнецова", "Анна Львовна", "Юрист", "Правовой отдел", "Москва", 4, "куз нецова-4"),
    Person("smirnov", "Смирнов", "Алексей Олегович", "Аналитик", "ИТ", "Пермь", 5, "$HOME `id` ;5"),
    # Filled in by another system beforehand, in capitals: present, and yet no mailbox of ours.
    Person("popova", "Попова", "Ольга Игоревна", "Секретарь", "Дирекция", "Тула", 6, "po&po|va<6>",
           mail="POPOVA@DEMO.LOCAL"),
    Person("solovyov-sedoy", "Соловьёв-Седой", "Фёдор Артёмович", "Композитор", "Дирекция",
           "Орёл", 7, "*(so)lo=vyov,7"),
    Person("volkov", "Волков", "Дмитрий Юрьевич", "Инженер", "ИТ", "Москва", 8, "vol kov~8", locked=True),
    Person("orlova", "Орлова", "Елена Павловна", "Переводчик", "Продажи", "Сочи", 9, "{or}lo%20va!9"),
)  # fmt: skip

# Those whose mailboxes the set-up opens.
OPENED = tuple(person for person in PEOPLE if person.login in ("ivanov", "petrova", "sidorov"))
