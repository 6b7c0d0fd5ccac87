"""Real mail programs against a real node, through HAProxy and nginx, from another host."""

import re
import smtplib
import socket
import ssl
import time

import pytest

from lab import clients
from lab.clients import ClientError

CLIENT_ADDRESS = "10.77.0.254"
IVANOV = "ivanov@demo.local"


@pytest.fixture
def subject():
    return f"test {time.time_ns()}"


@pytest.mark.parametrize("port", [25, 80, 443, 465, 993, 4190, 5000, 10000, 20025])
def test_every_port_of_the_manual_is_open_from_another_host(lab, port):
    """Manual appendix 2; what each one does is asked below."""
    socket.create_connection((lab.address, port), 10).close()


def test_a_letter_from_outside_is_delivered_and_the_clients_own_address_is_logged(lab, node, subject):
    before = node.log_position()
    ivanov = lab.person("ivanov")
    transcript = clients.send_from_outside(lab, ivanov.address, subject)
    assert "STARTTLS" in transcript and "TLSv1." in transcript
    headers = clients.wait_for_letter(lab, ivanov, subject)
    assert f"[{CLIENT_ADDRESS}]" in headers
    log = node.log_since(before)
    assert re.search(rf"postfix/mx/smtpd\[\d+\]: connect from .*\[{CLIENT_ADDRESS}\]", log)
    assert re.search(rf"dovecot: imap-login: .*user=<ivanov@demo.local>.*rip={CLIENT_ADDRESS}", log)
    assert "lmtp(ivanov@demo.local)" in log


def test_a_signed_in_person_sends_on_465_and_his_address_is_logged(lab, node, subject):
    before = node.log_position()
    clients.submit(lab, lab.person("petrova"), "ivanov@demo.local", subject)
    headers = clients.wait_for_letter(lab, lab.person("ivanov"), subject)
    assert f"[{CLIENT_ADDRESS}]" in headers
    log = node.log_since(before)
    assert re.search(
        rf"postfix/submission/smtpd.*client=.*\[{CLIENT_ADDRESS}\].*sasl_username=petrova@demo.local", log
    )


def test_every_persons_odd_password_works_everywhere(lab, subject):
    for person in lab.people:
        clients.submit(lab, person, person.address, f"{subject} {person.login}")
        clients.wait_for_letter(lab, person, f"{subject} {person.login}")
        clients.Sieve(lab, person).say("LOGOUT")
        assert "multistatus" in clients.http(lab, f"/SOGo/dav/{person.address}/", method="PROPFIND", person=person)


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (lambda lab, s: clients.send_from_outside(lab, "x@elsewhere.example", s), "554"),
        (lambda lab, s: clients.send_from_outside(lab, "nobody@demo.local", s), "550"),
        (lambda lab, s: clients.submit(lab, lab.person("petrova"), IVANOV, s, sender=IVANOV), "553"),
        (lambda lab, s: clients.submit(lab, lab.person("petrova"), IVANOV, s, password="wrong"), "535"),
    ],
    ids=["relay", "unknown-person", "forged-sender", "wrong-password"],
)  # fmt: skip
def test_what_must_be_refused_is(lab, subject, attempt, code):
    with pytest.raises(ClientError, match=code):
        attempt(lab, subject)


def test_a_wrong_password_opens_no_mailbox(lab):
    with pytest.raises(ClientError, match="AUTHENTICATIONFAILED"):
        clients.imap(lab, lab.person("ivanov"), password="wrong")


def test_smtp_smuggling_makes_no_second_letter(lab, subject):
    """A letter that holds `\\n.\\n` (CVE-2023-51764) stays one letter, or is refused."""
    context = lab.context()
    with smtplib.SMTP(lab.address, 25, local_hostname="o.example", timeout=20) as client:
        client.starttls(context=context)
        client.ehlo()
        for command in ("MAIL FROM:<a@o.example>", "RCPT TO:<ivanov@demo.local>", "DATA"):
            client.docmd(command)
        client.send(
            f"Subject: {subject} first\r\n\r\nbody\n.\nMAIL FROM:<admin@demo.local>\r\n"
            f"RCPT TO:<petrova@demo.local>\r\nDATA\r\nSubject: {subject} smuggled\r\n\r\nx\r\n.\r\n".encode()
        )
        client.getreply()
    clients.wait_for_letter(lab, lab.person("ivanov"), f"{subject} first")
    with pytest.raises(ClientError, match="no letter"):
        clients.wait_for_letter(lab, lab.person("petrova"), f"{subject} smuggled", seconds=3)


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit-tls"])
def test_a_sieve_script_files_a_letter(lab, subject, implicit):
    person = lab.person("sidorov")
    sieve = clients.Sieve(lab, person, implicit=implicit)
    sieve.activate(
        "test", 'require ["fileinto","mailbox"];\r\nif header :contains "subject" "file me" '
        '{ fileinto :create "Папка"; }\r\n',
    )  # fmt: skip
    try:
        clients.send_from_outside(lab, person.address, f"file me {subject}")
        clients.wait_for_letter(lab, person, f"file me {subject}", folder="&BB8EMAQ,BDoEMA-")
    finally:
        sieve.remove("test")


def test_an_event_comes_back_by_caldav(lab, subject):
    assert subject in clients.calendar_round_trip(lab, lab.person("ivanov"), f"Совещание {subject}")


def test_the_global_address_book_finds_people_in_cyrillic(lab):
    answer = clients.find_in_address_book(lab, lab.person("ivanov"), "Петр")
    assert "petrova@demo.local" in answer
    assert "sidorov@demo.local" not in clients.find_in_address_book(lab, lab.person("ivanov"), "Иванов")


def test_the_web_client_signs_in_and_refuses_a_wrong_password(lab):
    person = lab.person("ivanov")
    body = '{"userName":"%s","password":"%s"}'
    headers = {"Content-Type": "application/json"}
    assert "RuPost" in clients.http(lab, "/SOGo/")
    clients.http(lab, "/SOGo/connect", method="POST", headers=headers, body=body % (person.address, person.password))
    with pytest.raises(ClientError, match="403"):
        clients.http(lab, "/SOGo/connect", method="POST", headers=headers, body=body % (person.address, "wrong"))


def test_programs_find_their_settings(lab):
    for path in ("/.well-known/autoconfig/mail/config-v1.1.xml", "/mail/config-v1.1.xml"):
        assert "<hostname>mail.demo.local</hostname>" in clients.http(lab, path)
    for path in ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"):
        for method in ("GET", "POST"):
            answer = clients.http(lab, path, method=method, body="<Autodiscover/>" if method == "POST" else "")
            assert "<Server>mail.demo.local</Server>" in answer


def test_port_80_leads_to_https(lab):
    with socket.create_connection((lab.address, 80), 10) as plain:
        plain.sendall(b"GET /x HTTP/1.0\r\nHost: mail.demo.local\r\n\r\n")
        answer = plain.recv(4096).decode()
    assert " 301 " in answer and "Location: https://mail.demo.local/x" in answer


@pytest.mark.parametrize("port", [465, 993, 443, 5000])
def test_old_tls_is_refused(lab, port):
    context = lab.context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError), socket.create_connection((lab.address, port), 10) as plain:
        context.wrap_socket(plain, server_hostname=lab.address)


def test_the_health_port_takes_no_mail_from_other_hosts(lab):
    with smtplib.SMTP(lab.address, 20025, local_hostname="o.example", timeout=20) as client:
        client.ehlo()
        client.mail("a@o.example")
        assert client.rcpt("ivanov@demo.local")[0] == 554


def test_a_full_mailbox_refuses_further_letters(lab, node, subject):
    login = "kuznetsova"
    node.run("rupost", "mailbox", "create", login, "--directory", "demo", "--domain", lab.domain, "--quota", "100K")
    big = "x" * 70 + "\r\n"
    with smtplib.SMTP(lab.address, 25, local_hostname="o.example", timeout=20) as client:
        client.starttls(context=lab.context())
        letter = f"Subject: {subject}\r\n\r\n" + big * 1300
        client.sendmail("a@o.example", [f"{login}@{lab.domain}"], letter)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                client.sendmail("a@o.example", [f"{login}@{lab.domain}"], letter)
            except smtplib.SMTPRecipientsRefused as error:
                assert error.recipients[f"{login}@{lab.domain}"][0] == 552
                return
            time.sleep(0.5)
    pytest.fail("a letter over the quota was taken")
