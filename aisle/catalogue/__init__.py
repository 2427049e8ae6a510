"""What is known of the products: the tree, the tables, labels and their roles."""
