from wizard.main import main

main()
