from rupost_cli.main import main

main()
