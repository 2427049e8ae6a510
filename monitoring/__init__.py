"""Have the products, the predictions or their accuracy changed, and is the model feeding on itself?"""
